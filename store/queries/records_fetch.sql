-- $1 run, $2 first record, $3 last record
--
-- The message makes this transaction write to the log, so that its commit waits for the disk, and
-- with it for every commit before: once the rows are read to their end, the lease under which
-- they will be signed is durable. lease_acquire itself does not wait.
WITH durable AS MATERIALIZED (
    SELECT pg_logical_emit_message(true, 'chancery', '')
)
SELECT r.payload
  FROM durable, chancery.records r
 WHERE r.run_id = $1 AND r.record BETWEEN $2 AND $3
 ORDER BY r.record
