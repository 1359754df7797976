-- Why nothing is pushed to such a run, and no push is ended, whatever its turn brings: unknown, deleted, or not_pushed when it has other
-- sources. Null for a run that takes pushes, or took them.
--
-- Asked before the run's turn as well as behind it. A gateway's login names runs by their numbers: of a number that is no such run, it
-- would otherwise take the lock, and keep it for as long as its transaction stays open.
CREATE OR REPLACE FUNCTION chancery.pushes_refusal(p_run integer, p_run_uid uuid) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
BEGIN
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    RETURN CASE
        WHEN v_run.id IS NULL THEN 'unknown'
        WHEN v_run.deleted_at IS NOT NULL THEN 'deleted'
        WHEN NOT EXISTS (SELECT FROM chancery.sources s WHERE s.run_id = p_run AND s.description ? 'http') THEN 'not_pushed'
    END;
END
$$;
