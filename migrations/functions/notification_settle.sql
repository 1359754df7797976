-- Says that the receiver was told of these events, which the caller was given by notification_take. Those that somebody else has by now
-- are left alone. Returns how many were settled. What is told of records of a batch was counted before (notification_reached).
CREATE OR REPLACE FUNCTION chancery.notification_settle(p_notification integer, p_token bytea, p_whats text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_done bigint;
    v_told bigint;
BEGIN
    IF num_nulls(p_notification, p_token, p_whats) > 0 THEN
        RAISE EXCEPTION 'notification_settle takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_run IS NULL OR to_regclass(format('chancery.%I', 'events_' || v_run)) IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format(
        'WITH settled AS (
             UPDATE chancery.%I e SET state = ''Delivered'', ended_at = clock_timestamp(), holder = NULL, token_hash = NULL
              WHERE e.what = ANY ($3) AND e.notification = $1 AND e.run_id = $4 AND e.token_hash = sha256($2)
             RETURNING e.what)
         SELECT count(*), count(*) FILTER (WHERE s.what !~ ''^record[.]signed/[0-9]+$'') FROM settled s', 'events_' || v_run)
       INTO v_done, v_told USING p_notification, p_token, p_whats, v_run;
    IF v_done > 0 THEN
        UPDATE chancery.notifications n
           SET told = n.told + v_told, unavailable_since = NULL, failures = 0, not_before = NULL, tried_at = NULL, last_error = NULL
         WHERE n.run_id = v_run AND n.notification = p_notification;
    END IF;
    RETURN v_done;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.notification_settle(integer, bytea, text[]) TO chancery_delivery;
