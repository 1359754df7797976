-- $1 run, $2 digest
SELECT chancery.record_of_digest($1, $2)
