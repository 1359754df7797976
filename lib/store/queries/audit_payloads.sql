-- $1 run, $2 first record, $3 last record, $4 bytes that a payload has at the most
--
-- What is longer than it can be is not read: the audit would have to hold it.
SELECT r.record, octet_length(r.payload) AS payload_bytes,
       CASE WHEN octet_length(r.payload) <= $4 THEN r.payload END AS payload, r.digest
  FROM chancery.records r
 WHERE r.run_id = $1 AND r.record BETWEEN $2 AND $3
 ORDER BY r.record
