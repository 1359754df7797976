-- $1 keyring, $2 first use sequence, $3 last use sequence
SELECT l.use_sequence, l.id, l.run_id, l.batch, l.key_id, l.holder,
       (CASE WHEN isfinite(l.acquired_at) THEN extract(epoch FROM l.acquired_at) * 1000000
             WHEN l.acquired_at > now() THEN 9223372036854775807 ELSE -9223372036854775808 END)::bigint AS acquired_at
  FROM chancery.leases l
 WHERE l.keyring_id = $1 AND l.use_sequence BETWEEN $2 AND $3
 ORDER BY l.use_sequence, l.id
