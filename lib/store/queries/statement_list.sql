-- $1 uid of a run, or null for all
SELECT s.number, s.hash, s.previous, s.run_uid, s.kind::text AS kind, s.key_id, s.body, s.signature
  FROM chancery.statements s
 WHERE $1::uuid IS NULL OR s.run_uid = $1
 ORDER BY s.number
