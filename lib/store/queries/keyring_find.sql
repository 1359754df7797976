-- $1 namespace, $2 name
SELECT k.id AS keyring_id, k.uid AS keyring_uid, k.namespace AS keyring_namespace, k.name AS keyring_name,
       k.algorithm::text AS algorithm, k.key_size, k.key_count, k.provider::text AS provider,
       k.envelope::text AS envelope, k.content_type, k.data_key_fingerprint, k.forgotten_use, k.filled_at IS NOT NULL AS filled,
       k.namespace_uid AS keyring_namespace_uid, k.object_uid AS keyring_object_uid, k.adopted_from AS keyring_adopted_from
  FROM chancery.keyrings k
 WHERE k.namespace = $1 AND k.name = $2
