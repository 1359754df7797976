-- $1 run
SELECT DISTINCT l.holder
  FROM chancery.leases l
  JOIN chancery.runs r ON r.keyring_id = l.keyring_id
 WHERE r.id = $1 AND l.run_id = $1 AND l.released_at IS NULL
   AND l.outcome IS NULL AND l.expires_at > clock_timestamp()
 ORDER BY l.holder
