-- $1 run, $2 source, $3 split and $4 position of the one before, $5 how many at the most
SELECT a.source AS number, s.name AS source, a.split, a.position, a.stage, a.reason,
       to_char(a.arrived_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS arrived_at
  FROM chancery.arrivals a
  JOIN chancery.sources s ON s.run_id = a.run_id AND s.source = a.source
 WHERE a.run_id = $1 AND a.state = 'Dead' AND (a.source, a.split, a.position) > ($2, $3, $4)
 ORDER BY a.source, a.split, a.position LIMIT $5
