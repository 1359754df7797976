-- $1 run
SELECT r.record, (r.record - 1) / n.batch_size + 1 AS batch, r.payload
  FROM chancery.records r, chancery.runs n
 WHERE r.run_id = $1 AND n.id = $1
 ORDER BY r.record
