-- $1 run, $2 most dead letters
SELECT chancery.dead_letters_sweep($1, $2)
