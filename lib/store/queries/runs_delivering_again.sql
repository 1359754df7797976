-- The runs that are complete, and of which something is to be delivered all the same: dead letters that were taken up again, or
-- the manifest that says so.
SELECT DISTINCT s.run_id
  FROM chancery.sinks s
  JOIN chancery.runs r ON r.id = s.run_id
 WHERE (s.redriven > 0
        OR EXISTS (SELECT FROM chancery.manifests m WHERE m.run_id = s.run_id AND m.sink = s.sink AND m.ended_at IS NULL))
   AND r.completed_at IS NOT NULL AND r.deleted_at IS NULL
