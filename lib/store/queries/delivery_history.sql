-- $1 run, $2 sink, $3 batch
SELECT m.attempt, m.act, m.kind::text AS kind, m.attempts, m.last_error, m.actor, m.login,
       to_char(m.acted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS acted_at
  FROM chancery.delivery_moves m
 WHERE m.run_id = $1 AND m.sink = $2 AND m.batch = $3
 ORDER BY m.attempt
