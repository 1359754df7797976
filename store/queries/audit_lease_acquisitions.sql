-- $1 keyring
--
-- Instants in microseconds, exactly as they are stored.
SELECT l.id, l.run_id, l.batch, l.key_id, l.holder, l.use_sequence,
       (extract(epoch FROM l.acquired_at) * 1000000)::bigint AS acquired_at,
       (extract(epoch FROM l.expires_at) * 1000000)::bigint AS expires_at,
       (extract(epoch FROM l.released_at) * 1000000)::bigint AS released_at,
       l.outcome::text AS outcome
  FROM chancery.leases l
 WHERE l.keyring_id = $1
 ORDER BY l.use_sequence, l.id
