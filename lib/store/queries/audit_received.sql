-- $1 run
SELECT coalesce(max(received), 0) FROM chancery.intakes WHERE run_id = $1
