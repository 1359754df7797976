-- Gives back batches that the caller was given by delivery_take: they are due at once, and no attempt counts. With p_error, since the
-- sink cannot be reached: it is left alone for p_seconds, and says since when. Those that somebody else has by now are left alone, and
-- whoever has none of them knows nothing of the sink. Returns how many were given back.
CREATE OR REPLACE FUNCTION chancery.delivery_give_back(
    p_sink integer, p_token bytea, p_batches bigint[], p_error text, p_seconds double precision) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_now timestamptz := clock_timestamp();
    v_done bigint;
BEGIN
    IF num_nulls(p_sink, p_token, p_batches) > 0 OR (p_error IS NULL) <> (p_seconds IS NULL) THEN
        RAISE EXCEPTION 'batches that are given back are a sink''s, and an error comes with a pause' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_run IS NULL OR to_regclass(format('chancery.%I', 'deliveries_' || v_run)) IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format(
        'UPDATE chancery.%I d SET holder = NULL, token_hash = NULL, not_before = $5, put_off_at = $5
          WHERE d.batch = ANY ($3) AND d.sink = $1 AND d.run_id = $4 AND d.token_hash = sha256($2)', 'deliveries_' || v_run)
      USING p_sink, p_token, p_batches, v_run, v_now;
    GET DIAGNOSTICS v_done = ROW_COUNT;
    IF v_done > 0 AND p_error IS NOT NULL THEN
        UPDATE chancery.sinks s
           SET unavailable_since = coalesce(s.unavailable_since, v_now), failures = s.failures + 1, last_error = left(p_error, 1024),
               not_before = v_now + make_interval(secs => least(greatest(p_seconds, 0), 3600)), tried_at = v_now
         WHERE s.run_id = v_run AND s.sink = p_sink;
    END IF;
    RETURN v_done;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.delivery_give_back(integer, bytea, bigint[], text, double precision) TO chancery_delivery;
