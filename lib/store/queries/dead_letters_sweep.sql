-- $1 run
SELECT chancery.dead_letters_sweep($1)
