-- $1 keyring
SELECT l.id, l.key_id,
       (CASE WHEN isfinite(l.released_at) THEN extract(epoch FROM l.released_at) * 1000000
             WHEN l.released_at > now() THEN 9223372036854775807 ELSE -9223372036854775808 END)::bigint AS released_at
  FROM chancery.leases l
 WHERE l.keyring_id = $1 AND l.released_at IS NOT NULL
 ORDER BY l.released_at, l.use_sequence, l.id
