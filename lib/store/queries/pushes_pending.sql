-- $1 run
SELECT a.records - s.records FROM chancery.admissions a CROSS JOIN LATERAL chancery.run_signed(a.run_id) s WHERE a.run_id = $1
