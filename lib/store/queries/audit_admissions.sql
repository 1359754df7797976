-- $1 run
SELECT a.records, a.batches, a.batched, a.opened_at IS NOT NULL AS waiting
  FROM chancery.admissions a
 WHERE a.run_id = $1
