-- $1 run, $2 first record, $3 last record
--
-- As in payload_leaves.sql; and a block is read once, whole, not anew for each of its records. It is of one batch: one that is
-- longer is for the audit to find.
SELECT count(*) AS records,
       coalesce(string_agg(sha256(
           '\x00'::bytea
           || '\x00000015'::bytea || 'chancery/signature/v1'::bytea
           || '\x00000008'::bytea || int8send(s.record)
           || int4send(octet_length(s.signature)) || s.signature
           || '\x00000008'::bytea || int8send(s.lease_id)), ''::bytea ORDER BY s.record), ''::bytea) AS leaves
  FROM (SELECT n.record, b.lease_id,
               CASE WHEN n.record < b.last_record
                    THEN substring(b.signatures FROM ((n.record - b.first_record) * b.bytes + 1)::integer
                                   FOR b.bytes::integer)
                    ELSE substring(b.signatures FROM ((n.record - b.first_record) * b.bytes + 1)::integer) END AS signature
          FROM (SELECT c.first_record, c.last_record, c.lease_id, c.signatures || ''::bytea AS signatures,
                       octet_length(c.signatures) / nullif(c.last_record - c.first_record + 1, 0) AS bytes
                  FROM chancery.signature_blocks c
                 WHERE c.run_id = $1
                   AND c.first_record > greatest($2, 1) - (SELECT r.batch_size FROM chancery.runs r WHERE r.id = $1)
                   AND c.first_record <= $3 AND c.last_record >= $2 AND c.last_record < 9223372036854775807
                OFFSET 0) b
         CROSS JOIN LATERAL generate_series(greatest(b.first_record, $2), least(b.last_record, $3)) AS n (record)) s
