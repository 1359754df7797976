-- What a gateway may know of the run of a name: what it asks of requests that push, and how its results are shown. Not whose the
-- run is, since whoever knows the uid of its object may take it over; nor where other sources of runs are.
CREATE OR REPLACE FUNCTION chancery.run_show(p_namespace text, p_name text)
RETURNS TABLE (
    id integer, uid uuid, made_at bigint, batch_size bigint, sealed_records bigint,
    suspended boolean, sealed boolean, complete boolean, deleted boolean,
    record_count bigint, record_size integer, chunk_size bigint,
    idempotency text, expression text, digest_window double precision, record_limit bigint, dead_limit bigint,
    dead_retention double precision, sources text,
    keyring_id integer, keyring_uid uuid, keyring_name text, algorithm text, key_size integer, key_count integer,
    provider text, envelope text, content_type text, filled boolean, policy_name text, policy_hash bytea, policy_asks boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT r.id, r.uid, floor(extract(epoch FROM r.created_at))::bigint, r.batch_size, r.record_count,
           r.suspended, r.sealed_at IS NOT NULL, r.completed_at IS NOT NULL, r.deleted_at IS NOT NULL,
           g.record_count, g.record_size, g.chunk_size,
           i.idempotency::text, i.expression, extract(epoch FROM i.digest_window)::double precision, i.record_limit, i.dead_limit,
           extract(epoch FROM i.dead_retention)::double precision,
           (SELECT jsonb_agg(jsonb_build_object('name', s.name) || CASE WHEN s.description ? 'http' THEN s.description ELSE '{}' END
                             ORDER BY s.source)
              FROM chancery.sources s WHERE s.run_id = r.id)::text,
           k.id, k.uid, k.name, k.algorithm::text, k.key_size, k.key_count, k.provider::text, k.envelope::text, k.content_type,
           k.filled_at IS NOT NULL, r.policy_name, r.policy_hash,
           coalesce((SELECT p.asks FROM chancery.policies p WHERE p.hash = r.policy_hash), false)
      FROM chancery.runs r
      JOIN chancery.keyrings k ON k.id = r.keyring_id
      LEFT JOIN chancery.generated_sources g ON g.run_id = r.id
      LEFT JOIN chancery.intakes i ON i.run_id = r.id
     WHERE r.namespace = p_namespace AND r.name = p_name AND (g.run_id IS NOT NULL OR i.run_id IS NOT NULL);
END
$$;

GRANT EXECUTE ON FUNCTION chancery.run_show(text, text) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.run_show(text, text) TO chancery_gateway;
