-- $1 run
SELECT s.name AS sink, m.number, m.stated, m.attempts, m.last_error, m.object, m.digest,
       to_char(m.ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS ended_at
  FROM chancery.manifests m JOIN chancery.sinks s ON s.run_id = m.run_id AND s.sink = m.sink
 WHERE m.run_id = $1
 ORDER BY m.sink
