-- Prolongs what the caller was given by delivery_take: for p_seconds from now. Returns how many of these batches are still its own.
CREATE OR REPLACE FUNCTION chancery.delivery_renew(p_sink integer, p_token bytea, p_batches bigint[], p_seconds double precision)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_done bigint;
BEGIN
    IF num_nulls(p_sink, p_token, p_batches, p_seconds) > 0 THEN
        RAISE EXCEPTION 'delivery_renew takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_run IS NULL OR to_regclass(format('chancery.%I', 'deliveries_' || v_run)) IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format(
        'UPDATE chancery.%I d SET not_before = clock_timestamp() + make_interval(secs => least(greatest($4, 1), 3600)), put_off_at = clock_timestamp()
          WHERE d.batch = ANY ($3) AND d.sink = $1 AND d.run_id = $5 AND d.token_hash = sha256($2)', 'deliveries_' || v_run)
      USING p_sink, p_token, p_batches, p_seconds, v_run;
    GET DIAGNOSTICS v_done = ROW_COUNT;
    RETURN v_done;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.delivery_renew(integer, bytea, bigint[], double precision) TO chancery_delivery;
