-- $1 namespace, $2 name
--
-- What a signer needs to know, and may read, of the run it signs.
SELECT r.id, r.uid, l.uid AS ledger_uid, r.namespace, r.name, k.uid AS keyring_uid, k.algorithm::text AS algorithm,
       k.data_key_fingerprint, r.deleted_at IS NOT NULL AS deleted
  FROM chancery.runs r
  JOIN chancery.keyrings k ON k.id = r.keyring_id
 CROSS JOIN chancery.ledger l
 WHERE r.namespace = $1 AND r.name = $2
