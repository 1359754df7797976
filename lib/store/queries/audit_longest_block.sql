-- $1 run, $2 number of records
--
-- How many records of the run the longest block of signatures has: no block that begins as many records before another or
-- earlier reaches it. In a sound ledger that is the batch size at the most, but this is to find out.
SELECT coalesce(max(least(b.last_record, $2) - greatest(b.first_record, 1)) + 1, 1) AS records
  FROM chancery.signature_blocks b
 WHERE b.run_id = $1
