-- $1 run, $2 first record, $3 last record, $4 bytes that a payload has at the most, $5 bytes of the largest block,
-- $6 records of the longest block: the batch size, unless audit_longest_block.sql knows better
--
-- Each record beside its signature, and the lease under which that was stored. Either side may be
-- missing or stand there twice; the row addresses tell a second row from the same one joined twice.
--
-- What is longer than it can be is not read: the audit would have to hold it. A block is read once, whole, for its records
-- of the range; its last signature has all bytes that are left.
SELECT coalesce(r.record, s.record) AS record,
       r.ctid::text AS record_row, octet_length(r.payload) AS payload_bytes,
       CASE WHEN octet_length(r.payload) <= $4 THEN r.payload END AS payload,
       r.digest,
       s.ctid::text AS signature_row, s.signature, s.lease_id,
       l.key_id, l.run_id AS lease_run, l.outcome::text AS lease_outcome
  FROM (SELECT ctid, record, payload, digest FROM chancery.records
         WHERE run_id = $1 AND record BETWEEN $2 AND $3) r
  FULL JOIN (SELECT b.ctid, n.record, b.lease_id,
                    CASE WHEN n.record < b.last_record
                         THEN substring(b.signatures FROM ((n.record - b.first_record) * b.bytes + 1)::integer
                                        FOR b.bytes::integer)
                         ELSE substring(b.signatures FROM ((n.record - b.first_record) * b.bytes + 1)::integer) END AS signature
               FROM (SELECT c.ctid, c.first_record, c.last_record, c.lease_id,
                            octet_length(c.signatures) / nullif(c.last_record - c.first_record + 1, 0) AS bytes,
                            CASE WHEN octet_length(c.signatures) <= $5 THEN c.signatures || ''::bytea END AS signatures
                       FROM chancery.signature_blocks c
                      WHERE c.run_id = $1
                        AND c.first_record > greatest($2, 1) - $6 AND c.first_record <= $3
                        AND c.last_record >= $2 AND c.last_record < 9223372036854775807
                     -- Kept apart, so that a block is not read anew for each of its records.
                     OFFSET 0) b
              CROSS JOIN LATERAL generate_series(greatest(b.first_record, $2), least(b.last_record, $3)) AS n (record)
            ) s ON s.record = r.record
  LEFT JOIN chancery.leases l ON l.id = s.lease_id
 ORDER BY 1
