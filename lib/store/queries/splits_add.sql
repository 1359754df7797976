-- $1 source, $2 the holder's token, $3 number of the first, $4 parts as JSON, $5 where each begins
SELECT chancery.splits_add($1, $2, $3, $4, $5)
