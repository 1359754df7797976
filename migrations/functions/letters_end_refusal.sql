-- Why no dead letters of this run are ended, or noted for the run p_into: see letters_end. Null when they may be.
CREATE OR REPLACE FUNCTION chancery.letters_end_refusal(p_run integer, p_run_uid uuid, p_into text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
BEGIN
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    RETURN CASE
        WHEN v_run.id IS NULL OR NOT EXISTS (SELECT FROM chancery.intakes i WHERE i.run_id = p_run) THEN 'unknown'
        WHEN v_run.deleted_at IS NOT NULL THEN 'deleted'
        WHEN p_into IS NOT NULL AND v_run.sealed_at IS NULL THEN 'unsealed'
        WHEN EXISTS (SELECT FROM chancery.runs o WHERE o.namespace = v_run.namespace AND o.name = p_into) THEN 'taken'
    END;
END
$$;
