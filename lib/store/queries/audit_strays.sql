-- $1 run, $2 keyring, $3 number of records, $4 number of batches, $5 how many of a kind at the most
--
-- Rows that have no place: in the run's shape, in its ring's log, or anywhere.
(SELECT 'record' AS kind, record AS number, '' AS name FROM chancery.records
  WHERE run_id = $1 AND (record < 1 OR record > $3) LIMIT $5)
UNION ALL
(SELECT 'signature', record, '' FROM chancery.signatures
  WHERE run_id = $1 AND (record < 1 OR record > $3) LIMIT $5)
UNION ALL
(SELECT 'batch', batch, '' FROM chancery.batches
  WHERE run_id = $1 AND (batch < 1 OR batch > $4) LIMIT $5)
UNION ALL
(SELECT 'lease of no batch', id, batch::text FROM chancery.leases
  WHERE run_id = $1 AND (batch < 1 OR batch > $4) LIMIT $5)
UNION ALL
-- A batch is in one signer's hands at a time, and nobody leases it once it is signed.
(SELECT CASE WHEN earlier_outcome = 'signed' THEN 'lease of a signed batch' ELSE 'lease of a held batch' END,
        id, earlier::text
   FROM (SELECT id, acquired_at, lag(id) OVER batch AS earlier, lag(outcome::text) OVER batch AS earlier_outcome,
                lag(released_at) OVER batch AS earlier_released
           FROM chancery.leases WHERE run_id = $1
         WINDOW batch AS (PARTITION BY batch ORDER BY use_sequence, id)) l
  WHERE earlier IS NOT NULL
    AND (earlier_outcome = 'signed' OR earlier_released IS NULL OR earlier_released > acquired_at) LIMIT $5)
UNION ALL
(SELECT 'lease in another log', id, key_id::text FROM chancery.leases
  WHERE keyring_id IS DISTINCT FROM $2
    AND (run_id = $1 OR key_id IN (SELECT id FROM chancery.keys WHERE keyring_id = $2)) LIMIT $5)
UNION ALL
(SELECT 'lease of no run', id, run_id::text FROM chancery.leases l
  WHERE NOT EXISTS (SELECT FROM chancery.runs r WHERE r.id = l.run_id) LIMIT $5)
UNION ALL
(SELECT 'key of no ring', number, id::text FROM chancery.keys k
  WHERE NOT EXISTS (SELECT FROM chancery.keyrings r WHERE r.id = k.keyring_id) LIMIT $5)
UNION ALL
(SELECT 'material of no key', 0, key_id::text FROM chancery.key_material m
  WHERE NOT EXISTS (SELECT FROM chancery.keys k WHERE k.id = m.key_id) LIMIT $5)
UNION ALL
-- The tables of a run go before its row does.
(SELECT 'table of no run', 0, c.relname::text
   FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent IN ('chancery.records'::regclass, 'chancery.batches'::regclass, 'chancery.signatures'::regclass)
    AND NOT EXISTS (SELECT FROM chancery.runs r
                     WHERE pg_get_expr(c.relpartbound, c.oid) = format('FOR VALUES IN (%s)', r.id)) LIMIT $5)
UNION ALL
(SELECT 'run', max(r.id), '' FROM chancery.runs r
   JOIN (SELECT DISTINCT namespace, name FROM chancery.runs WHERE id = $1) self USING (namespace, name)
 HAVING count(*) > 1)
