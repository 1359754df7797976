-- $1 run
SELECT l.id, l.key_id, l.batch, l.holder, l.use_sequence,
       to_char(l.acquired_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS acquired_at,
       to_char(l.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS expires_at,
       to_char(l.released_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS released_at,
       l.outcome::text AS outcome
  FROM chancery.leases l
  JOIN chancery.runs r ON r.keyring_id = l.keyring_id
 WHERE r.id = $1 AND l.run_id = $1
 ORDER BY l.use_sequence
