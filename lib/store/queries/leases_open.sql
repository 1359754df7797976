-- $1 runs, one per ring
--
-- The leases of their rings that nobody has ended, of all runs that sign with them. What a row says of time is by the
-- server's clock as it is now: a lease whose end is further away than its duration ends a duration from now.
--
-- Ring by ring: a plan that reads the whole log would take as long as the log is.
SELECT asked.keyring_id AS keyring,
       (SELECT count(*) FROM chancery.keys a
         WHERE a.keyring_id = asked.keyring_id AND a.state = 'active') AS keys_in_ring,
       l.id AS lease, l.run_id, coalesce(r.namespace, d.namespace) AS namespace, coalesce(r.name, d.name) AS run,
       l.holder, k.number AS key, l.batch, l.use_sequence,
       extract(epoch FROM greatest(least(l.expires_at - l.clock, l.duration),
                                   least(l.doubted_at, l.clock) + l.duration / 2 - l.clock,
                                   interval '0'))::double precision AS seconds_left,
       l.expires_at NOT BETWEEN l.clock + l.duration / 2 AND l.clock + l.duration AS is_silent,
       extract(epoch FROM greatest(l.clock - l.acquired_at, interval '0'))::double precision AS held_seconds,
       extract(epoch FROM l.duration)::double precision AS lease_seconds,
       coalesce(r.batch_size, 0) AS batch_size
  FROM chancery.runs asked
 CROSS JOIN LATERAL (
        SELECT o.*, clock_timestamp() AS clock
          FROM chancery.leases o
         WHERE o.keyring_id = asked.keyring_id AND o.released_at IS NULL AND o.outcome IS NULL
         OFFSET 0) l
  JOIN chancery.keys k ON k.id = l.key_id
  LEFT JOIN chancery.runs r ON r.id = l.run_id
  LEFT JOIN chancery.deleted_runs d ON d.run_id = l.run_id
 WHERE asked.id = ANY ($1)
 ORDER BY asked.keyring_id, l.use_sequence
