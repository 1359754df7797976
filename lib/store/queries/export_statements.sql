-- $1 run
SELECT s.number, s.hash, s.previous, s.run_uid, s.kind::text AS kind, s.key_id, s.body, s.signature
  FROM chancery.statements s
  JOIN chancery.runs r ON r.uid = s.run_uid
 WHERE r.id = $1
 ORDER BY s.number
