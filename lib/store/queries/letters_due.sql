-- Runs that have kept bytes of dead letters, or of what was rejected, for as long as they say: of how many, and how many bytes.
SELECT r.namespace, r.name, count(*) AS letters, coalesce(sum(octet_length(a.raw)), 0)::bigint AS bytes
  FROM chancery.intakes i
  JOIN chancery.runs r ON r.id = i.run_id AND r.deleted_at IS NULL
  JOIN chancery.arrivals a ON a.run_id = i.run_id AND a.raw IS NOT NULL AND a.arrived_at < clock_timestamp() - i.dead_retention
 WHERE i.sweep_at <= clock_timestamp()
 GROUP BY r.namespace, r.name
 ORDER BY r.namespace, r.name
