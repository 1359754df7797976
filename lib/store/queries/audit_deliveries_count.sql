-- $1 run
SELECT count(*) FROM chancery.deliveries d WHERE d.run_id = $1
