-- $1 seconds, $2 leases for each session
--
-- Logins by which a run's leases ended unsigned in the last $1 seconds, more than $2 for each session that its logins may have,
-- or one of whose leases is renewed for longer than an hour and a tenth of a second for each record of a batch: each login
-- with each of its sessions, or with none. Who signs gives leases back as it stops, two for each session at the most. Every lease
-- stays in the log of its ring for as long as the run is there.
WITH signing AS (
    SELECT o.run_id, r.keyring_id, r.batch_size, sum(p.rolconnlimit) AS sessions
      FROM chancery.logins o
      JOIN chancery.runs r ON r.id = o.run_id
      JOIN pg_roles p ON p.rolname = o.name
     WHERE o.work = 'Sign'
     GROUP BY o.run_id, r.keyring_id, r.batch_size
), wasting AS (
    SELECT s.run_id
      FROM signing s
      JOIN (SELECT e.run_id, count(*) AS leases
              FROM chancery.leases e
             WHERE e.keyring_id IN (SELECT g.keyring_id FROM signing g)
               AND e.released_at > clock_timestamp() - make_interval(secs => $1) AND e.outcome IN ('abandoned', 'expired')
             GROUP BY e.run_id) w ON w.run_id = s.run_id AND w.leases > $2 * s.sessions
    UNION
    SELECT s.run_id
      FROM signing s
      JOIN chancery.leases h ON h.run_id = s.run_id AND h.keyring_id = s.keyring_id
     WHERE h.released_at IS NULL AND h.outcome IS NULL
       AND h.acquired_at < clock_timestamp() - interval '1 hour' - least(s.batch_size, 1000000000) * interval '0.1 s'
       AND h.expires_at BETWEEN clock_timestamp() + h.duration / 2 AND clock_timestamp() + h.duration
)
SELECT l.name::text AS login, a.pid
  FROM wasting w
  JOIN chancery.logins l ON l.run_id = w.run_id AND l.work = 'Sign'
  LEFT JOIN pg_stat_activity a ON a.usename = l.name AND a.datname = current_database()
 ORDER BY l.name, a.pid
