-- $1 run, $2 sink
SELECT b.batch, b.first_record, b.last_record, d.state::text AS state, d.object, d.digest, d.last_error
  FROM chancery.batches b
  JOIN chancery.deliveries d ON d.run_id = $1 AND d.sink = $2 AND d.batch = b.batch
 WHERE b.run_id = $1
 ORDER BY b.batch
