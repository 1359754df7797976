-- What became of the batches of a run at a sink, in order: those behind p_after, p_most at the most. Nothing to whoever has not been given
-- its manifest by delivery_take, and nothing once it has another number.
CREATE OR REPLACE FUNCTION chancery.manifest_batches(p_sink integer, p_token bytea, p_after bigint, p_most integer)
RETURNS TABLE (batch bigint, first_record bigint, last_record bigint, state text, object text, digest bytea, last_error text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
BEGIN
    IF NOT EXISTS (SELECT FROM chancery.manifests m WHERE m.run_id = v_run AND m.sink = p_sink AND m.token_hash = sha256(p_token)) THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT b.batch, b.first_record, b.last_record, d.state::text, d.object, d.digest, d.last_error
           FROM (SELECT c.batch, c.first_record, c.last_record FROM chancery.%I c WHERE c.batch > $2 ORDER BY c.batch LIMIT $3) b
           JOIN chancery.%I d ON d.batch = b.batch AND d.sink = $1 AND d.run_id = $4
          ORDER BY b.batch', 'batches_' || v_run, 'deliveries_' || v_run)
      USING p_sink, p_after, least(greatest(p_most, 1), 10000), v_run;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.manifest_batches(integer, bytea, bigint, integer) TO chancery_delivery;
