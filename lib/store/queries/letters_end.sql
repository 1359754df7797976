-- $1 run, $2 its uid, $3 kind of the act, $4 the other run, $5 who, $6 which are meant, $7 sources, $8 splits, $9 positions
SELECT answer, act FROM chancery.letters_end($1, $2, $3, $4, $5, $6, $7, $8, $9)
