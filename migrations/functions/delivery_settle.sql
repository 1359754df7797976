-- Says that the sink has these batches, which the caller was given by delivery_take: what it knows each by, and the SHA-256 of what was
-- delivered, before it was compressed. Those that somebody else has by now are left alone. Returns how many were settled.
CREATE OR REPLACE FUNCTION chancery.delivery_settle(
    p_sink integer, p_token bytea, p_batches bigint[], p_objects text[], p_digests bytea[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_done bigint;
    v_redriven bigint;
BEGIN
    IF num_nulls(p_sink, p_token, p_batches, p_objects, p_digests) > 0
       OR cardinality(p_batches) <> cardinality(p_objects) OR cardinality(p_batches) <> cardinality(p_digests) THEN
        RAISE EXCEPTION 'each batch that is settled needs an object and a digest' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_run IS NULL OR to_regclass(format('chancery.%I', 'deliveries_' || v_run)) IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format(
        'WITH settled AS (
             UPDATE chancery.%I d
                SET state = ''Delivered'', object = w.object, digest = w.digest, ended_at = clock_timestamp(), holder = NULL, token_hash = NULL
               FROM unnest($3, $4, $5) AS w (batch, object, digest)
              WHERE d.batch = w.batch AND d.sink = $1 AND d.run_id = $6 AND d.token_hash = sha256($2)
             RETURNING d.redrives)
         SELECT count(*), count(*) FILTER (WHERE s.redrives > 0) FROM settled s', 'deliveries_' || v_run)
       INTO v_done, v_redriven USING p_sink, p_token, p_batches, p_objects, p_digests, v_run;
    IF v_done > 0 THEN
        UPDATE chancery.sinks s
           SET delivered = s.delivered + v_done, redriven = s.redriven - v_redriven, unavailable_since = NULL, failures = 0, not_before = NULL, tried_at = NULL, last_error = NULL
         WHERE s.run_id = v_run AND s.sink = p_sink;
    END IF;
    RETURN v_done;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.delivery_settle(integer, bytea, bigint[], text[], bytea[]) TO chancery_delivery;
