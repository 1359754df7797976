-- $1 run, $2 number of records, $3 number of the last batch, $4 whether the run is sealed, $5 how many of a kind at
-- the most
--
-- Rows that have no place in the run, and tables that are of none.
--
-- Chunks of a generated source are made in any order: until the run is sealed, records beyond those that are
-- admitted have their place if their chunk is there.
(SELECT 'record' AS kind, r.record AS number, '' AS name FROM chancery.records r
  WHERE r.run_id = $1
    AND (r.record < 1
         OR r.record > $2 AND ($4 OR NOT EXISTS (
                SELECT FROM chancery.generated_chunks c JOIN chancery.generated_sources g USING (run_id)
                 WHERE c.run_id = $1 AND c.chunk = (r.record - 1) / g.chunk_size + 1)))
  LIMIT $5)
UNION ALL
-- Of a block, the first record that has no place; its first, if it ends before it begins.
(SELECT 'signature', CASE WHEN first_record BETWEEN 1 AND least($2, last_record) THEN $2 + 1 ELSE first_record END, ''
   FROM chancery.signature_blocks
  WHERE run_id = $1 AND (first_record < 1 OR last_record > $2 OR last_record < first_record) LIMIT $5)
UNION ALL
(SELECT 'lease of no batch', id, batch::text FROM chancery.leases
  WHERE run_id = $1 AND (batch < 1 OR batch > $3) LIMIT $5)
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
-- The tables of a run go before its row does. Rows of the catalogue are of the snapshot like all others; functions
-- that look things up in the catalogue are not. Hence no relation is named to pg_get_expr: it then reads the bound from
-- this row alone. Named, it would look for a table that may have been dropped since.
(SELECT 'table of no run', 0, t.relname::text
   FROM (SELECT c.relname, p.relname || '_' AS prefix, substr(c.relname, length(p.relname) + 2) AS number,
                pg_get_expr(c.relpartbound, 0) AS bound
           FROM pg_inherits i
           JOIN pg_class c ON c.oid = i.inhrelid
           JOIN pg_class p ON p.oid = i.inhparent
           JOIN pg_namespace n ON n.oid = p.relnamespace
          WHERE n.nspname = 'chancery' AND p.relname IN ('records', 'batches', 'signature_blocks', 'arrivals', 'flags', 'alerts',
                                                         'originals', 'judgements', 'pendings', 'answers', 'traces', 'deliveries', 'events')) t
   LEFT JOIN chancery.runs r ON r.id::text = t.number AND starts_with(t.relname::text, t.prefix)
  WHERE t.bound IS DISTINCT FROM format('FOR VALUES IN (%s)', r.id) LIMIT $5)
UNION ALL
(SELECT 'run', max(r.id), '' FROM chancery.runs r
   JOIN (SELECT DISTINCT namespace, name FROM chancery.runs WHERE id = $1) self USING (namespace, name)
 HAVING count(*) > 1)
UNION ALL
(SELECT 'source', count(*), '' FROM chancery.generated_sources g WHERE g.run_id = $1 HAVING count(*) > 1)
