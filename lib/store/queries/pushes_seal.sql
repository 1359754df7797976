-- $1 run, $2 its uid
SELECT chancery.pushes_seal($1, $2)
