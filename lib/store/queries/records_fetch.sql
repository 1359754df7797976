-- $1 first record, $2 last record
--
-- A signer puts its run's own partition in the place of chancery.records (see fetch_of): its plan is made once
-- for a session, where a plan for any run would have to open the partitions of all.
--
-- The message makes this transaction write to the log, so that its commit waits for the disk, and
-- with it for every commit before: once the rows are read to their end, the lease under which
-- they will be signed is durable. lease_acquire itself does not wait.
WITH durable AS MATERIALIZED (
    SELECT pg_logical_emit_message(true, 'chancery', '')
)
SELECT r.payload
  FROM durable, chancery.records r
 WHERE r.record BETWEEN $1 AND $2
 ORDER BY r.record
