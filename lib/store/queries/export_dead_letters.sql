-- $1 run
SELECT s.name AS source, a.split, a.position, a.stage, a.rule, a.reason, a.raw,
       to_char(a.arrived_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS arrived_at,
       to_char(a.swept_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS swept_at
  FROM chancery.arrivals a
  JOIN chancery.sources s ON s.run_id = a.run_id AND s.source = a.source
 WHERE a.run_id = $1 AND a.state = 'Dead'
 ORDER BY a.source, a.split, a.position
