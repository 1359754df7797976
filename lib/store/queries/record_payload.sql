-- $1 run, $2 record
SELECT r.payload FROM chancery.records r WHERE r.run_id = $1 AND r.record = $2
