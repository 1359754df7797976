-- $1 run, $2 its name, $3 how many at the most
--
-- What a run in the ledger was signed under is not forgotten.
SELECT 'batch of no lease' AS kind, b.batch AS number, $2::text AS name
  FROM chancery.batches b
 WHERE b.run_id = $1 AND b.lease_id IS NOT NULL
   AND NOT EXISTS (SELECT FROM chancery.leases l WHERE l.id = b.lease_id)
 LIMIT $3
