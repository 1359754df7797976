-- $1 run, $2 its uid, $3 reason, $4 message
SELECT chancery.run_failed($1, $2, $3, $4)
