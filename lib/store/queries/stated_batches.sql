-- $1 run, $2 the batch before the first that is wanted, $3 how many at the most; null for all
--
-- Each batch with the lease that it names and the hash of that lease's key. Instants are in microseconds since 1970; infinite ones
-- are the ends of the range.
SELECT b.batch, b.first_record, b.last_record, b.payload_bytes, b.state = 'signed' AS signed,
       l.id AS lease_id, l.use_sequence, l.key_id, sha256(m.public_key) AS public_key_hash, l.holder,
       (CASE WHEN isfinite(l.acquired_at) THEN extract(epoch FROM l.acquired_at) * 1000000
             WHEN l.acquired_at > now() THEN 9223372036854775807 ELSE -9223372036854775808 END)::bigint AS acquired_at,
       (CASE WHEN l.signed_at IS NULL THEN NULL
             WHEN isfinite(l.signed_at) THEN extract(epoch FROM l.signed_at) * 1000000
             WHEN l.signed_at > now() THEN 9223372036854775807 ELSE -9223372036854775808 END)::bigint AS signed_at
  FROM (SELECT batch, first_record, last_record, payload_bytes, state, lease_id FROM chancery.batches
         WHERE run_id = $1 AND batch > $2 ORDER BY batch LIMIT $3) b
  LEFT JOIN chancery.leases l ON l.id = b.lease_id
  LEFT JOIN chancery.key_material m ON m.key_id = l.key_id
 ORDER BY b.batch
