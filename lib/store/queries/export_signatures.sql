-- $1 run
SELECT s.record, l.batch, l.key_id, g.algorithm::text AS algorithm, s.signature,
       to_char(l.signed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS signed_at
  FROM chancery.signatures s
  JOIN chancery.leases l ON l.id = s.lease_id
  JOIN chancery.keyrings g ON g.id = l.keyring_id
 WHERE s.run_id = $1
 ORDER BY s.record
