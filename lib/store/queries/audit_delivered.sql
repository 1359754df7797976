-- $1 run
--
-- What sinks have. Of whatever kind a sink is, what is settled is the digest of the lines of the batch.
SELECT d.batch, s.name AS sink, d.digest
  FROM chancery.deliveries d
  JOIN chancery.sinks s ON s.run_id = d.run_id AND s.sink = d.sink
 WHERE d.run_id = $1 AND d.state = 'Delivered' AND d.digest IS NOT NULL AND s.description ?| ARRAY['objects', 'http', 'table']
 ORDER BY d.batch, s.sink
