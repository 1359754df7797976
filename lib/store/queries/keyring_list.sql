SELECT k.namespace, k.name, k.algorithm::text AS algorithm, k.key_size, k.key_count, k.namespace_uid, k.object_uid, k.adopted_from,
       (SELECT count(*) FROM chancery.keys y WHERE y.keyring_id = k.id AND y.state = 'active') AS keys_active,
       (SELECT count(*) FROM chancery.runs r WHERE r.keyring_id = k.id) AS runs,
       coalesce((SELECT max(l.use_sequence) FROM chancery.leases l WHERE l.keyring_id = k.id), 0) AS last_use
  FROM chancery.keyrings k
 WHERE k.name IS NOT NULL
 ORDER BY k.namespace, k.name
