-- $1 run
--
-- In the order of the batches first, which is the order of the records: so the server sorts one batch at a time.
SELECT r.record, b.batch, r.payload
  FROM chancery.batches b
  JOIN chancery.records r ON r.run_id = b.run_id AND r.record BETWEEN b.first_record AND b.last_record
 WHERE b.run_id = $1
 ORDER BY b.batch, r.record
