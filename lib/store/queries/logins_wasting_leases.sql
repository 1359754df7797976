-- $1 seconds, $2 leases for each session
--
-- Logins by which a run's leases ended unsigned in the last $1 seconds, more than $2 for each session that its logins may have:
-- each login with each of its sessions, or with none. Who signs gives leases back as it stops, two for each session at the most.
-- Every lease stays in the log of its ring for as long as the run is there.
SELECT l.name::text AS login, a.pid
  FROM (SELECT o.run_id, sum(r.rolconnlimit) AS sessions
          FROM chancery.logins o JOIN pg_roles r ON r.rolname = o.name
         WHERE o.work = 'Sign' GROUP BY o.run_id) s
  JOIN (SELECT e.run_id, count(*) AS leases
          FROM chancery.leases e
         WHERE e.keyring_id IN (SELECT r.keyring_id FROM chancery.logins o JOIN chancery.runs r ON r.id = o.run_id
                                 WHERE o.work = 'Sign')
           AND e.released_at > clock_timestamp() - make_interval(secs => $1) AND e.outcome IN ('abandoned', 'expired')
         GROUP BY e.run_id) w ON w.run_id = s.run_id AND w.leases > $2 * s.sessions
  JOIN chancery.logins l ON l.run_id = s.run_id AND l.work = 'Sign'
  LEFT JOIN pg_stat_activity a ON a.usename = l.name AND a.datname = current_database()
 ORDER BY l.name, a.pid
