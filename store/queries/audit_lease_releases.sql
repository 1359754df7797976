-- $1 keyring
SELECT l.id, l.key_id, l.use_sequence,
       (extract(epoch FROM l.released_at) * 1000000)::bigint AS released_at
  FROM chancery.leases l
 WHERE l.keyring_id = $1 AND l.released_at IS NOT NULL
 ORDER BY l.released_at, l.use_sequence, l.id
