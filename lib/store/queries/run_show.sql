-- $1 namespace, $2 name
--
-- What is not told, such as whose the run is, is empty.
SELECT s.*, $1 AS namespace, $2 AS name, $1 AS keyring_namespace, '' AS data_key_fingerprint, 0::bigint AS forgotten_use,
       NULL::uuid AS namespace_uid, '00000000-0000-0000-0000-000000000000'::uuid AS object_uid, NULL::uuid AS adopted_from,
       NULL::uuid AS keyring_namespace_uid, '00000000-0000-0000-0000-000000000000'::uuid AS keyring_object_uid,
       NULL::uuid AS keyring_adopted_from, NULL::text AS sinks, NULL::text AS notifications
  FROM chancery.run_show($1, $2) s
