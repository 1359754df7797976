-- $1 runs
SELECT s.run_id, s.name, s.delivered, s.dead, s.failures,
       (extract(epoch FROM s.unavailable_since) * 1000000)::bigint AS unavailable_micros, s.last_error
  FROM chancery.sinks s
 WHERE s.run_id = ANY ($1)
 ORDER BY s.run_id, s.sink
