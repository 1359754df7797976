-- The records that a delivery is to tell of, at most p_most: those of the signed batches behind p_whats, events without data that it was
-- given by notification_take, in order, behind the last one that notification_reached was told of. Nothing of an event that is somebody
-- else's by now. `event` is the batch's, and `what` the record's own.
CREATE OR REPLACE FUNCTION chancery.notification_records(p_notification integer, p_token bytea, p_whats text[], p_most integer)
RETURNS TABLE (event text, what text, happened_at text, data jsonb, traceparent text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_event record;
    v_left bigint := least(greatest(p_most, 1), 1000);
    v_rows bigint;
BEGIN
    IF num_nulls(p_notification, p_token, p_whats, p_most) > 0 THEN
        RAISE EXCEPTION 'notification_records takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_run IS NULL OR to_regclass(format('chancery.%I', 'events_' || v_run)) IS NULL THEN
        RETURN;
    END IF;
    FOR v_event IN EXECUTE format(
        'SELECT h.what, h.told_to, h.happened_at, split_part(h.what, ''/'', 2)::bigint AS batch
           FROM (SELECT e.what, e.told_to, to_char(e.happened_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"'') AS happened_at
                   FROM chancery.%I e
                  WHERE e.what = ANY ($3) AND e.what ~ ''^record[.]signed/[0-9]{1,18}$'' AND e.notification = $1 AND e.run_id = $4
                    AND e.token_hash = sha256($2) OFFSET 0) h
          ORDER BY batch', 'events_' || v_run)
        USING p_notification, p_token, p_whats, v_run
    LOOP
        RETURN QUERY
        SELECT v_event.what, v_event.what || '/' || t.record, v_event.happened_at, t.data, t.traceparent
          FROM chancery.records_told(v_run, v_event.batch, coalesce(v_event.told_to, 0), v_left) t;
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        v_left := v_left - v_rows;
        EXIT WHEN v_left <= 0;
    END LOOP;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.notification_records(integer, bytea, text[], integer) TO chancery_delivery;
