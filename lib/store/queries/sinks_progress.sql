-- $1 runs
SELECT s.run_id, s.name, s.delivered, s.dead,
       -- Once discarded, a letter stays so.
       CASE WHEN s.dead = 0 THEN 0
            ELSE (SELECT count(*) FROM chancery.delivery_moves m WHERE m.run_id = s.run_id AND m.sink = s.sink AND m.kind = 'Discard')
       END AS discarded,
       s.failures,
       (extract(epoch FROM s.unavailable_since) * 1000000)::bigint AS unavailable_micros, s.last_error,
       EXISTS (SELECT FROM chancery.manifests m WHERE m.run_id = s.run_id AND m.sink = s.sink AND m.ended_at IS NULL) AS manifest_pending,
       EXISTS (SELECT FROM chancery.manifests m
                WHERE m.run_id = s.run_id AND m.sink = s.sink AND m.ended_at IS NOT NULL AND m.object IS NULL) AS manifest_dead
  FROM chancery.sinks s
 WHERE s.run_id = ANY ($1)
 ORDER BY s.run_id, s.sink
