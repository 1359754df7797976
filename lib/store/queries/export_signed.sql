-- $1 run
--
-- In the order of the blocks first, which is the order of the records: so the server sorts one block at a time. Of a block no more is
-- read than the signature in question: it is stored as it is, and can be read in parts. What a policy said of a record, and the trace in
-- which it came, is what delivery_records has of it.
SELECT r.record, l.batch, coalesce(r.digest, sha256(r.payload)) AS digest, r.payload, l.key_id,
       substring(b.signatures FROM ((r.record - b.first_record) * b.bytes + 1)::integer FOR b.bytes::integer) AS signature,
       to_char(l.signed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS signed_at,
       coalesce((SELECT jsonb_build_object('score', f.score, 'hits', f.hits) FROM chancery.flags f WHERE f.run_id = $1 AND f.record = r.record),
                (SELECT jsonb_build_object('hits', jsonb_agg(jsonb_build_object('rule', a.rule, 'action', 'Alert', 'message', a.message)
                                                             ORDER BY a.rule COLLATE "C"))
                   FROM chancery.alerts a WHERE a.run_id = $1 AND a.record = r.record HAVING count(*) > 0))::text AS marks,
       (SELECT CASE WHEN t.last_position >= r.position THEN t.traceparent END FROM chancery.traces t
         WHERE t.run_id = $1 AND t.source = r.source AND t.split = r.split AND t.position <= r.position ORDER BY t.position DESC LIMIT 1) AS traceparent
  FROM (SELECT c.first_record, c.last_record, c.lease_id, c.signatures,
               octet_length(c.signatures) / nullif(c.last_record - c.first_record + 1, 0) AS bytes
          FROM chancery.signature_blocks c WHERE c.run_id = $1) b
  JOIN chancery.leases l ON l.id = b.lease_id
  JOIN chancery.records r ON r.run_id = $1 AND r.record BETWEEN b.first_record AND b.last_record
 ORDER BY b.first_record, r.record
