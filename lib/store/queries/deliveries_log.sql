-- $1 run
--
-- What was done with dead letters of its deliveries, and what they are since: what was taken up once more is dead by what was done before.
SELECT m.act, m.kind::text AS kind, count(*) AS letters, min(m.selection) AS selection, min(m.actor) AS actor, min(m.login) AS login,
       to_char(min(m.acted_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS acted_at,
       count(*) FILTER (WHERE m.is_last AND d.state = 'Delivered') AS delivered,
       count(*) FILTER (WHERE NOT m.is_last OR d.state = 'Dead') AS dead,
       count(*) FILTER (WHERE m.is_last AND d.state = 'Pending') AS pending
  FROM (SELECT k.*, k.attempt = max(k.attempt) OVER (PARTITION BY k.sink, k.batch) AS is_last
          FROM chancery.delivery_moves k WHERE k.run_id = $1) m
  JOIN chancery.deliveries d ON d.run_id = $1 AND d.sink = m.sink AND d.batch = m.batch
 GROUP BY m.act, m.kind
 ORDER BY m.act
