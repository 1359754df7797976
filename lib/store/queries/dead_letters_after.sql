-- $1 run, $2 source, $3 split and $4 position of the one before, $5 how many at the most
SELECT number, source, split, position, stage, rule, reason, arrived_at FROM chancery.dead_letters_after($1, $2, $3, $4, $5)
