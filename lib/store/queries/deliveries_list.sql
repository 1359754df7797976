-- $1 run, $2 sink and $3 batch of the one before, $4 how many at the most, $5 name of a sink, $6 batch, $7 text in what was said of them,
-- $8 also those that are no dead letter
SELECT d.sink AS number, s.name AS sink, d.batch, b.first_record, b.last_record, d.state::text AS state, d.discarded, d.attempts, d.redrives,
       d.last_error, d.object, to_char(d.ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS ended_at
  FROM chancery.deliveries d
  JOIN chancery.sinks s ON s.run_id = $1 AND s.sink = d.sink
  JOIN chancery.batches b ON b.run_id = $1 AND b.batch = d.batch
 WHERE d.run_id = $1 AND (d.sink, d.batch) > ($2, $3)
   AND (d.state = 'Dead' OR $8)
   AND ($5::text IS NULL OR s.name = $5) AND ($6::bigint IS NULL OR d.batch = $6)
   AND ($7::text IS NULL OR position($7 IN d.last_error) > 0)
 ORDER BY d.sink, d.batch LIMIT $4
