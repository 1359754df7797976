-- Gives back events that the caller was given by notification_take: they are due at once, and no attempt counts. With p_error, since the
-- receiver cannot be reached: it is left alone for p_seconds, and says since when.
--
-- Once the run has been complete for p_patience seconds, a receiver that could not be reached for as long is waited for no longer: what is given back,
-- and whatever else nobody has, is a dead letter that says why. Those that somebody else has by now are left alone, and whoever has
-- none of them knows nothing of the receiver. Returns how many were given back, and how many are dead.
CREATE OR REPLACE FUNCTION chancery.notification_give_back(
    p_notification integer, p_token bytea, p_whats text[], p_error text, p_seconds double precision, p_patience double precision,
    OUT given_back bigint, OUT dead bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_now timestamptz := clock_timestamp();
BEGIN
    IF num_nulls(p_notification, p_token, p_whats) > 0 OR num_nulls(p_error, p_seconds, p_patience) NOT IN (0, 3) THEN
        RAISE EXCEPTION 'events that are given back are a notification''s, and an error comes with a pause and with patience'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    given_back := 0;
    dead := 0;
    IF v_run IS NULL OR to_regclass(format('chancery.%I', 'events_' || v_run)) IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'UPDATE chancery.%I e SET holder = NULL, token_hash = NULL, not_before = $5, put_off_at = $5
          WHERE e.what = ANY ($3) AND e.notification = $1 AND e.run_id = $4 AND e.token_hash = sha256($2)', 'events_' || v_run)
      USING p_notification, p_token, p_whats, v_run, v_now;
    GET DIAGNOSTICS given_back = ROW_COUNT;
    IF given_back = 0 OR p_error IS NULL THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM chancery.runs r JOIN chancery.notifications n ON n.run_id = r.id
                WHERE r.id = v_run AND n.notification = p_notification AND r.completed_at IS NOT NULL
                  AND greatest(r.completed_at, coalesce(n.unavailable_since, v_now))
                      <= v_now - make_interval(secs => least(greatest(p_patience, 0), 2592000))) THEN
        EXECUTE format(
            'UPDATE chancery.%I e SET state = ''Dead'', last_error = left($2, 1024), ended_at = $3
              WHERE e.notification = $1 AND e.state = ''Pending'' AND e.token_hash IS NULL', 'events_' || v_run)
          USING p_notification, p_error, v_now;
        GET DIAGNOSTICS dead = ROW_COUNT;
    END IF;
    UPDATE chancery.notifications n
       SET dead = n.dead + notification_give_back.dead, unavailable_since = coalesce(n.unavailable_since, v_now),
           failures = n.failures + 1, last_error = left(p_error, 1024),
           not_before = v_now + make_interval(secs => least(greatest(p_seconds, 0), 3600)), tried_at = v_now
     WHERE n.run_id = v_run AND n.notification = p_notification;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.notification_give_back(integer, bytea, text[], text, double precision, double precision) TO chancery_delivery;
