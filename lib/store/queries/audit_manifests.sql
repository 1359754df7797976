-- $1 run
--
-- The manifests that sinks have, and what is in them beside their objects.
SELECT m.sink AS number, s.name AS sink, m.number AS manifest, m.digest, a.records, a.batches, s.delivered, s.dead,
       ARRAY(SELECT y.public_key FROM chancery.keys k JOIN chancery.key_material y ON y.key_id = k.id
              WHERE k.id IN (SELECT l.key_id FROM chancery.leases l WHERE l.run_id = $1 AND l.outcome = 'signed')
                AND y.public_key IS NOT NULL ORDER BY k.number) AS public_keys,
       ARRAY(SELECT t.key_id FROM chancery.statements t WHERE t.run_uid = r.uid AND m.stated ORDER BY t.number) AS key_ids,
       ARRAY(SELECT t.body FROM chancery.statements t WHERE t.run_uid = r.uid AND m.stated ORDER BY t.number) AS bodies,
       ARRAY(SELECT t.signature FROM chancery.statements t WHERE t.run_uid = r.uid AND m.stated ORDER BY t.number) AS signatures
  FROM chancery.manifests m
  JOIN chancery.sinks s ON s.run_id = m.run_id AND s.sink = m.sink
  JOIN chancery.runs r ON r.id = m.run_id
  JOIN chancery.admissions a ON a.run_id = m.run_id
 WHERE m.run_id = $1 AND m.digest IS NOT NULL
 ORDER BY m.sink
