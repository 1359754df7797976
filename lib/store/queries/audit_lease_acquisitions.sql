-- $1 keyring
--
-- Instants in microseconds, exactly as they are stored; infinite ones are the ends of the range.
SELECT l.id, EXISTS (SELECT FROM chancery.runs r WHERE r.id = l.run_id AND r.completed_at IS NOT NULL) AS run_complete,
       l.key_id, l.use_sequence, t.acquired_at, t.expires_at, t.doubted_until, t.released_at,
       l.signed_at IS NOT NULL AS has_signed_at, l.outcome::text AS outcome
  FROM chancery.leases l
 CROSS JOIN LATERAL (
       SELECT (CASE WHEN isfinite(l.acquired_at) THEN extract(epoch FROM l.acquired_at) * 1000000
                    WHEN l.acquired_at > now() THEN 9223372036854775807 ELSE -9223372036854775808 END)::bigint AS acquired_at,
              (CASE WHEN isfinite(l.expires_at) THEN extract(epoch FROM l.expires_at) * 1000000
                    WHEN l.expires_at > now() THEN 9223372036854775807 ELSE -9223372036854775808 END)::bigint AS expires_at,
              (extract(epoch FROM l.doubted_at + l.duration / 2) * 1000000)::bigint AS doubted_until,
              (CASE WHEN l.released_at IS NULL THEN NULL
                    WHEN isfinite(l.released_at) THEN extract(epoch FROM l.released_at) * 1000000
                    WHEN l.released_at > now() THEN 9223372036854775807 ELSE -9223372036854775808 END)::bigint AS released_at) t
 WHERE l.keyring_id = $1
 ORDER BY l.use_sequence, l.id
