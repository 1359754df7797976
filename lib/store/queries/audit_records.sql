-- $1 run, $2 first record, $3 last record, $4 bytes that a payload has at the most
--
-- Each record beside its signature, and the lease under which that was stored. Either side may be
-- missing or stand there twice; the row addresses tell a second row from the same one joined twice.
--
-- What is longer than it can be is not read: the audit would have to hold it.
SELECT coalesce(r.record, s.record) AS record,
       r.ctid::text AS record_row, octet_length(r.payload) AS payload_bytes,
       CASE WHEN octet_length(r.payload) <= $4 THEN r.payload END AS payload,
       r.digest,
       s.ctid::text AS signature_row,
       CASE WHEN octet_length(s.signature) <= 4096 THEN s.signature END AS signature, s.lease_id,
       l.key_id, l.run_id AS lease_run, l.outcome::text AS lease_outcome
  FROM (SELECT ctid, record, payload, digest FROM chancery.records
         WHERE run_id = $1 AND record BETWEEN $2 AND $3) r
  FULL JOIN (SELECT ctid, record, signature, lease_id FROM chancery.signatures
              WHERE run_id = $1 AND record BETWEEN $2 AND $3) s ON s.record = r.record
  LEFT JOIN chancery.leases l ON l.id = s.lease_id
 ORDER BY 1
