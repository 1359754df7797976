-- The runs that are complete, and of which something is to be delivered all the same: dead letters that were taken up again.
SELECT DISTINCT s.run_id
  FROM chancery.sinks s
  JOIN chancery.runs r ON r.id = s.run_id
 WHERE s.redriven > 0 AND r.completed_at IS NOT NULL AND r.deleted_at IS NULL
