-- $1 run, $2 record
SELECT b.batch FROM chancery.batches b
 WHERE b.run_id = $1 AND $2 BETWEEN b.first_record AND b.last_record
 ORDER BY b.batch LIMIT 1
