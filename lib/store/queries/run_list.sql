SELECT r.id, r.uid, r.namespace, r.name, r.batch_size, r.record_count AS sealed_records,
       k.id AS keyring_id, k.uid AS keyring_uid, k.namespace AS keyring_namespace, k.name AS keyring_name,
       k.algorithm::text AS algorithm, k.key_size, k.key_count, k.provider::text AS provider,
       k.envelope::text AS envelope, k.content_type, k.data_key_fingerprint, k.forgotten_use, k.filled_at IS NOT NULL AS filled,
       k.namespace_uid AS keyring_namespace_uid, k.object_uid AS keyring_object_uid, k.adopted_from AS keyring_adopted_from,
       r.namespace_uid, r.object_uid, r.adopted_from, floor(extract(epoch FROM r.created_at))::bigint AS made_at,
       g.record_count, g.record_size, g.chunk_size,
       i.idempotency::text AS idempotency, i.expression,
       extract(epoch FROM i.digest_window)::double precision AS digest_window, i.record_limit, i.dead_limit,
       extract(epoch FROM i.dead_retention)::double precision AS dead_retention,
       (SELECT jsonb_agg(jsonb_build_object('name', s.name, 'confirm', s.confirm) || s.description ORDER BY s.source)
          FROM chancery.sources s WHERE s.run_id = r.id)::text AS sources,
       (SELECT jsonb_agg(jsonb_build_object('name', s.name, 'description', s.description, 'ordered', s.ordered,
                                            'attemptLimit', s.attempt_limit) ORDER BY s.sink)
          FROM chancery.sinks s WHERE s.run_id = r.id)::text AS sinks,
       (SELECT jsonb_agg(jsonb_build_object('name', n.name, 'description', n.description, 'events', n.events,
                                            'attemptLimit', n.attempt_limit) ORDER BY n.notification)
          FROM chancery.notifications n WHERE n.run_id = r.id)::text AS notifications,
       r.policy_name, r.policy_hash,
       coalesce((SELECT p.asks FROM chancery.policies p WHERE p.hash = r.policy_hash), false) AS policy_asks, r.suspended, r.sealed_at IS NOT NULL AS sealed,
       r.completed_at IS NOT NULL AS complete, r.deleted_at IS NOT NULL AS deleted
  FROM chancery.runs r
  JOIN chancery.keyrings k ON k.id = r.keyring_id
  LEFT JOIN chancery.generated_sources g ON g.run_id = r.id
  LEFT JOIN chancery.intakes i ON i.run_id = r.id
 WHERE g.run_id IS NOT NULL OR i.run_id IS NOT NULL
 ORDER BY r.namespace, r.name, r.id
