-- $1 run, $2 a run of which it has duplicates, $3 how many at the most
--
-- Duplicates that repeat no record with their digest or, where a run names payloads by an expression, with their identity:
-- their payloads may differ then. One run at a time: see audit_duplicate_runs.
SELECT 0::bigint AS number,
       format('the arrival at position %s of split %s of source %s repeats record %s of run %s, which %s',
              a.position, a.split, a.source, a.duplicate_record, a.duplicate_run,
              CASE WHEN r.record IS NULL THEN 'does not exist'
                   WHEN coalesce(a.identity, r.identity) IS NULL THEN 'has another digest' ELSE 'has another identity' END) AS sentence
  FROM chancery.arrivals a
  LEFT JOIN chancery.records r ON r.run_id = $2 AND r.record = a.duplicate_record
 WHERE a.run_id = $1 AND a.duplicate_run = $2 AND coalesce(r.identity, r.digest) IS DISTINCT FROM coalesce(a.identity, a.digest)
 LIMIT $3
