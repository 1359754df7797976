-- $1 run, $2 record
SELECT chancery.record_payload($1, $2)
