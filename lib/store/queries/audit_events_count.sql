-- $1 run
SELECT count(*) FROM chancery.events e WHERE e.run_id = $1
