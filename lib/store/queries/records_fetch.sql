-- $1 first record, $2 last record, $3 the run's uid
--
-- A signer puts its run's own partition in the place of chancery.records (see fetch_of): its plan is made once
-- for a session, where a plan for any run would have to open the partitions of all. And it may read no other.
--
-- The run is looked up because a partition's number is another run's in a ledger that was made anew.
--
-- This transaction waits for the disk, and with it every commit before: once the rows are read to their end, the lease
-- under which they will be signed is durable. lease_acquire itself does not wait.
WITH durable AS MATERIALIZED (
    SELECT chancery.leases_durable($3) AS is_there
)
SELECT r.payload
  FROM durable, chancery.records r
 WHERE durable.is_there AND r.record BETWEEN $1 AND $2
 ORDER BY r.record
