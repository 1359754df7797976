-- Writes down what happened to a run, for each notification that lists it. In the transaction in which it happens. p_about says to what,
-- so that the same is not written twice: whoever says it again says nothing new. p_traceparent: the trace in which
-- it came, if there is one.
CREATE OR REPLACE FUNCTION chancery.event_write(p_run integer, p_event text, p_about text, p_data jsonb, p_traceparent text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_told integer[] := ARRAY (SELECT n.notification FROM chancery.notifications n WHERE n.run_id = p_run AND p_event = ANY (n.events));
BEGIN
    IF cardinality(v_told) > 0 THEN
        EXECUTE format('INSERT INTO chancery.%I (what, notification, run_id, data, traceparent) SELECT $1, t.notification, $2, $3, $5 FROM unnest($4) AS t (notification) '
                       'ON CONFLICT DO NOTHING', 'events_' || p_run)
          USING p_event || coalesce('/' || p_about, ''), p_run, p_data, v_told, p_traceparent;
    END IF;
END
$$;
