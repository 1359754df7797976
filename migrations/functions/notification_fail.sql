-- Says that the receiver refused these events, which the caller was given by notification_take: an answer about each. It counts, and
-- each is handed out again after so many seconds; with as many as the notification allows, it is a dead letter. Those that somebody
-- else has by now are left alone. Returns how many were put off, and how many are dead.
CREATE OR REPLACE FUNCTION chancery.notification_fail(
    p_notification integer, p_token bytea, p_whats text[], p_errors text[], p_seconds double precision[], OUT put_off bigint, OUT dead bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_limit integer;
BEGIN
    IF num_nulls(p_notification, p_token, p_whats, p_errors, p_seconds) > 0
       OR cardinality(p_whats) <> cardinality(p_errors) OR cardinality(p_whats) <> cardinality(p_seconds)
       OR array_position(p_errors, NULL) IS NOT NULL OR array_position(p_seconds, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'each event that is refused needs an error and a pause' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    put_off := 0;
    dead := 0;
    SELECT n.attempt_limit INTO v_limit FROM chancery.notifications n WHERE n.run_id = v_run AND n.notification = p_notification;
    IF v_limit IS NULL OR to_regclass(format('chancery.%I', 'events_' || v_run)) IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'WITH refused AS (
             UPDATE chancery.%I e
                SET attempts = e.attempts + 1, last_error = left(w.error, 1024), holder = NULL, token_hash = NULL,
                    state = (CASE WHEN e.attempts + 1 >= $7 THEN ''Dead'' ELSE ''Pending'' END)::chancery.delivery_state,
                    ended_at = CASE WHEN e.attempts + 1 >= $7 THEN clock_timestamp() END,
                    not_before = clock_timestamp() + make_interval(secs => least(greatest(w.seconds, 0), 3600)),
                    put_off_at = clock_timestamp()
               FROM unnest($3, $4, $5) AS w (what, error, seconds)
              WHERE e.what = w.what AND e.notification = $1 AND e.run_id = $6 AND e.token_hash = sha256($2)
             RETURNING e.state)
         SELECT count(*) FILTER (WHERE r.state = ''Pending''), count(*) FILTER (WHERE r.state = ''Dead'') FROM refused r',
        'events_' || v_run)
       INTO put_off, dead USING p_notification, p_token, p_whats, p_errors, p_seconds, v_run, v_limit;
    IF put_off + dead > 0 THEN
        -- Whoever answers can be reached.
        UPDATE chancery.notifications n
           SET dead = n.dead + notification_fail.dead, unavailable_since = NULL, failures = 0, not_before = NULL, tried_at = NULL, last_error = NULL
         WHERE n.run_id = v_run AND n.notification = p_notification;
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.notification_fail(integer, bytea, text[], text[], double precision[]) TO chancery_delivery;
