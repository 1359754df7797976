-- Says that the sink refused these batches, which the caller was given by delivery_take: an answer about each. It counts, and each is
-- handed out again after so many seconds; with as many as the sink allows, it is a dead letter. Those that somebody else has by now
-- are left alone. Returns how many were put off, and how many are dead.
CREATE OR REPLACE FUNCTION chancery.delivery_fail(
    p_sink integer, p_token bytea, p_batches bigint[], p_errors text[], p_seconds double precision[], OUT put_off bigint, OUT dead bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_limit integer;
    v_redriven bigint;
    v_dead bigint[];
BEGIN
    IF num_nulls(p_sink, p_token, p_batches, p_errors, p_seconds) > 0
       OR cardinality(p_batches) <> cardinality(p_errors) OR cardinality(p_batches) <> cardinality(p_seconds)
       OR array_position(p_errors, NULL) IS NOT NULL OR array_position(p_seconds, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'each batch that is refused needs an error and a pause' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    put_off := 0;
    dead := 0;
    SELECT s.attempt_limit INTO v_limit FROM chancery.sinks s WHERE s.run_id = v_run AND s.sink = p_sink;
    IF v_limit IS NULL OR to_regclass(format('chancery.%I', 'deliveries_' || v_run)) IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'WITH refused AS (
             UPDATE chancery.%I d
                SET attempts = d.attempts + 1, last_error = left(w.error, 1024), holder = NULL, token_hash = NULL,
                    state = (CASE WHEN d.attempts + 1 >= $7 THEN ''Dead'' ELSE ''Pending'' END)::chancery.delivery_state,
                    ended_at = CASE WHEN d.attempts + 1 >= $7 THEN clock_timestamp() END,
                    not_before = clock_timestamp() + make_interval(secs => least(greatest(w.seconds, 0), 3600)),
                    put_off_at = clock_timestamp()
               FROM unnest($3, $4, $5) AS w (batch, error, seconds)
              WHERE d.batch = w.batch AND d.sink = $1 AND d.run_id = $6 AND d.token_hash = sha256($2)
             RETURNING d.batch, d.state, d.redrives)
         SELECT count(*) FILTER (WHERE r.state = ''Pending''), count(*) FILTER (WHERE r.state = ''Dead''),
                count(*) FILTER (WHERE r.state = ''Dead'' AND r.redrives > 0),
                array_agg(r.batch ORDER BY r.batch) FILTER (WHERE r.state = ''Dead'') FROM refused r',
        'deliveries_' || v_run)
       INTO put_off, dead, v_redriven, v_dead USING p_sink, p_token, p_batches, p_errors, p_seconds, v_run, v_limit;
    IF put_off + dead > 0 THEN
        -- Whoever answers can be reached.
        UPDATE chancery.sinks s
           SET dead = s.dead + delivery_fail.dead, redriven = s.redriven - v_redriven, unavailable_since = NULL, failures = 0, not_before = NULL, tried_at = NULL, last_error = NULL
         WHERE s.run_id = v_run AND s.sink = p_sink;
    END IF;
    IF dead > 0 THEN
        PERFORM chancery.event_undelivered(v_run, p_sink, v_dead);
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.delivery_fail(integer, bytea, bigint[], text[], double precision[]) TO chancery_delivery;
