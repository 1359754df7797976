-- $1 run, $2 number of records, $3 number of batches, $4 how many at the most
--
-- Rows that the run's shape leaves no place for.
(SELECT 'record' AS kind, record AS number FROM chancery.records
  WHERE run_id = $1 AND (record < 1 OR record > $2) LIMIT $4)
UNION ALL
(SELECT 'signature', record FROM chancery.signatures
  WHERE run_id = $1 AND (record < 1 OR record > $2) LIMIT $4)
UNION ALL
(SELECT 'batch', batch FROM chancery.batches
  WHERE run_id = $1 AND (batch < 1 OR batch > $3) LIMIT $4)
