-- $1 run, $2 record
SELECT payload, flags FROM chancery.record_payload($1, $2)
