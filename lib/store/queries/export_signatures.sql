-- $1 run
--
-- Block by block; whoever reads them takes them apart.
SELECT b.first_record, b.last_record, l.batch, l.key_id, g.algorithm::text AS algorithm, b.signatures,
       to_char(l.signed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS signed_at
  FROM chancery.signature_blocks b
  JOIN chancery.leases l ON l.id = b.lease_id
  JOIN chancery.keyrings g ON g.id = l.keyring_id
 WHERE b.run_id = $1
 ORDER BY b.first_record
