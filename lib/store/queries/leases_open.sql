-- $1 a run
--
-- The leases of its ring that nobody has ended, of all runs that sign with it. What a row says of time is by the
-- server's clock as it is now: a lease whose end is further away than its duration ends a duration from now.
SELECT l.id AS lease, coalesce(r.namespace, d.namespace) AS namespace, coalesce(r.name, d.name) AS run,
       l.holder, k.number AS key, l.batch, l.use_sequence,
       extract(epoch FROM greatest(least(l.expires_at - t.clock, l.duration),
                                   least(l.doubted_at, t.clock) + l.duration / 2 - t.clock,
                                   interval '0'))::double precision AS seconds_left,
       l.expires_at NOT BETWEEN t.clock + l.duration / 2 AND t.clock + l.duration AS is_silent
  FROM chancery.runs asked
  JOIN chancery.leases l ON l.keyring_id = asked.keyring_id
  JOIN chancery.keys k ON k.id = l.key_id
  LEFT JOIN chancery.runs r ON r.id = l.run_id
  LEFT JOIN chancery.deleted_runs d ON d.run_id = l.run_id
 CROSS JOIN (SELECT clock_timestamp() AS clock) t
 WHERE asked.id = $1 AND l.released_at IS NULL AND l.outcome IS NULL
 ORDER BY l.use_sequence
