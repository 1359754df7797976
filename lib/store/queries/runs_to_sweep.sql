-- $1 most runs: those of which the bytes of a dead letter may have been kept for long enough, the longest first
SELECT r.namespace, r.name
  FROM chancery.intakes i JOIN chancery.runs r ON r.id = i.run_id
 WHERE i.sweep_at <= clock_timestamp() AND r.deleted_at IS NULL
 ORDER BY i.sweep_at LIMIT $1
