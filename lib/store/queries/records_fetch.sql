-- $1 first record, $2 last record, $3 the run's uid
--
-- A signer puts its run's own partition in the place of chancery.records (see fetch_of): its plan is made once
-- for a session, where a plan for any run would have to open the partitions of all.
--
-- The run is looked up because a partition's number is another run's in a ledger that was made anew.
--
-- The message makes this transaction write to the log, so that its commit waits for the disk, and
-- with it for every commit before: once the rows are read to their end, the lease under which
-- they will be signed is durable. lease_acquire itself does not wait.
WITH durable AS MATERIALIZED (
    SELECT pg_logical_emit_message(true, 'chancery', '')
)
SELECT r.payload
  FROM durable, chancery.records r
 WHERE r.record BETWEEN $1 AND $2 AND EXISTS (SELECT FROM chancery.runs x WHERE x.uid = $3)
 ORDER BY r.record
