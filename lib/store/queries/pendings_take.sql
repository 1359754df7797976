-- $1 holder, $2 hash of the holder's token, $3 how many at the most, $4 seconds for which they are the holder's
SELECT task, source, name, pushed, split, place, payload, attempts, judged_at, seconds FROM chancery.pendings_take($1, $2, $3, $4)
