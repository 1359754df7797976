-- Writes down that a run failed, for whoever is to be told: once for each reason, however often it is said. False when there is no such
-- run, or it is being deleted or complete.
CREATE OR REPLACE FUNCTION chancery.run_failed(p_run integer, p_run_uid uuid, p_reason text, p_message text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF num_nulls(p_run, p_run_uid, p_reason, p_message) > 0 OR (p_reason ~ '^[A-Za-z]{1,64}$') IS NOT TRUE THEN
        RAISE EXCEPTION 'a run that failed has a reason, of one word, and a message' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Whoever completes it changes this row, and then waits, or is seen.
    PERFORM FROM chancery.runs r
      WHERE r.id = p_run AND r.uid = p_run_uid AND r.deleted_at IS NULL AND r.completed_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM chancery.event_write(p_run, 'run.failed', p_reason,
                                 jsonb_build_object('reason', p_reason, 'message', left(p_message, 1024)));
    RETURN true;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.run_failed(integer, uuid, text, text) TO chancery_operator;
