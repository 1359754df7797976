-- $1 namespace, $2 name
SELECT r.id, r.namespace, r.name, r.keyring_id, k.uid AS keyring_uid, k.kek_fingerprint,
       r.record_count, r.record_size, r.key_count, r.batch_size, r.batch_count,
       r.algorithm::text AS algorithm, r.key_size,
       r.seed_chunk, r.suspended, r.seeded_at IS NOT NULL AS seeded,
       r.completed_at IS NOT NULL AS complete, r.deleted_at IS NOT NULL AS deleted
  FROM chancery.runs r
  JOIN chancery.keyrings k ON k.id = r.keyring_id
 WHERE r.namespace = $1 AND r.name = $2
 ORDER BY r.id
