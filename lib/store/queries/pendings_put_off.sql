-- $1 the holder's token, $2 sources, $3 splits, $4 positions, $5 errors of attempts that failed, $6 seconds
SELECT chancery.pendings_put_off($1, $2, $3, $4, $5, $6)
