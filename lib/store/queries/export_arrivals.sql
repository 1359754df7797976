-- $1 run
--
-- Records in the order of their numbers, then the others: in the order of positions they would have to be sorted, for
-- which a server may not have the room.
SELECT s.name AS source, r.split, r.position, 'Admitted' AS state, r.digest, r.identity, r.record,
       NULL::text AS duplicate_run, NULL::bigint AS duplicate_record, NULL::text AS stage, NULL::text AS rule, NULL::text AS reason,
       NULL::bytea AS policy, (SELECT f.hits::text FROM chancery.flags f WHERE f.run_id = r.run_id AND f.record = r.record) AS flags
  FROM chancery.records r
  JOIN chancery.sources s ON s.run_id = r.run_id AND s.source = r.source
 WHERE r.run_id = $1 AND r.record <= (SELECT a.records FROM chancery.admissions a WHERE a.run_id = $1)
 UNION ALL
SELECT s.name, a.split, a.position, a.state::text, a.digest, a.identity, NULL,
       CASE WHEN a.duplicate_run IS NOT NULL THEN coalesce(
           (SELECT d.namespace || '/' || d.name FROM chancery.runs d WHERE d.id = a.duplicate_run),
           (SELECT d.namespace || '/' || d.name FROM chancery.deleted_runs d WHERE d.run_id = a.duplicate_run),
           a.duplicate_run::text) END,
       a.duplicate_record, a.stage, a.rule, a.reason,
       CASE WHEN a.rule IS NOT NULL THEN (SELECT p.policy_hash FROM chancery.runs p WHERE p.id = a.run_id) END, NULL
  FROM chancery.arrivals a
  JOIN chancery.sources s ON s.run_id = a.run_id AND s.source = a.source
 WHERE a.run_id = $1
 UNION ALL
SELECT s.name, p.split, p.position, 'Pending', NULL, NULL, NULL, NULL, NULL, NULL, NULL, p.last_error, NULL, NULL
  FROM chancery.pendings p
  JOIN chancery.sources s ON s.run_id = p.run_id AND s.source = p.source
 WHERE p.run_id = $1
