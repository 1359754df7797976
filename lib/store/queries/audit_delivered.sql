-- $1 run
--
-- What sinks have of which the content follows from the batch.
SELECT d.batch, s.name AS sink, d.digest
  FROM chancery.deliveries d
  JOIN chancery.sinks s ON s.run_id = d.run_id AND s.sink = d.sink
 WHERE d.run_id = $1 AND d.state = 'Delivered' AND d.digest IS NOT NULL AND s.description #>> '{objects,format}' = 'NDJSON'
 ORDER BY d.batch, s.sink
