-- Puts arrivals off that somebody was given by pendings_take: they are handed out again after so many seconds each. With an error, that
-- was an attempt which failed, and counts. Those that somebody else has by now are left alone. Returns how many were put off.
CREATE OR REPLACE FUNCTION chancery.pendings_put_off(
    p_token bytea, p_sources integer[], p_splits integer[], p_places bigint[], p_errors text[], p_seconds double precision[])
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_run integer := chancery.intake_of_session();
    v_done bigint;
BEGIN
    IF num_nulls(p_token, p_sources, p_splits, p_places, p_errors, p_seconds) > 0 THEN
        RAISE EXCEPTION 'pendings_put_off takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_run IS NULL OR to_regclass(format('chancery.%I', 'pendings_' || v_run)) IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format(
        'UPDATE chancery.%I p
            SET holder = NULL, token_hash = NULL,
                attempts = p.attempts + CASE WHEN w.error IS NULL THEN 0 ELSE 1 END,
                last_error = coalesce(left(w.error, 1024), p.last_error),
                not_before = clock_timestamp() + make_interval(secs => least(greatest(w.seconds, 0), 172800))
           FROM unnest($1, $2, $3, $4, $5) AS w (source, split, place, error, seconds)
          WHERE p.source = w.source AND p.split = w.split AND p.position = w.place AND p.run_id = $6 AND p.token_hash = sha256($7)',
        'pendings_' || v_run)
      USING p_sources, p_splits, p_places, p_errors, p_seconds, v_run, p_token;
    GET DIAGNOSTICS v_done = ROW_COUNT;
    RETURN v_done;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.pendings_put_off(bytea, integer[], integer[], bigint[], text[], double precision[]) TO chancery_intake;
