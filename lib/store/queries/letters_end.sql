-- $1 run, $2 its uid, $3 act, $4 its kind, $5 the other run, $6 who, $7 which are meant, $8 sources, $9 splits, $10 positions
SELECT answer, act FROM chancery.letters_end($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
