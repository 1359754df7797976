-- $1 run
--
-- In the order of the batches first, which is the order of the records: so the server sorts one batch at a time.
SELECT r.record, b.batch, r.payload, r.digest, r.identity, s.name AS source, r.split, r.position,
       (SELECT f.hits::text FROM chancery.flags f WHERE f.run_id = r.run_id AND f.record = r.record) AS flags
  FROM chancery.batches b
  JOIN chancery.records r ON r.run_id = b.run_id AND r.record BETWEEN b.first_record AND b.last_record
  LEFT JOIN chancery.sources s ON s.run_id = r.run_id AND s.source = r.source
 WHERE b.run_id = $1
 ORDER BY b.batch, r.record
