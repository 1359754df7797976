-- Seals a run to which programs push: nothing more is taken in. What is in a call of records_push by then is taken in before.
--
-- answer: sealed, also if it was; closed, when something waits to be judged: the run is sealed once that is settled; not_pushed, when the run has other sources; deleted or unknown.
CREATE OR REPLACE FUNCTION chancery.pushes_seal(p_run integer, p_run_uid uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
BEGIN
    PERFORM chancery.run_turn(p_run);
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    IF v_run.id IS NULL THEN
        RETURN 'unknown';
    ELSIF v_run.deleted_at IS NOT NULL THEN
        RETURN 'deleted';
    ELSIF NOT EXISTS (SELECT FROM chancery.sources s WHERE s.run_id = p_run AND s.description ? 'http') THEN
        RETURN 'not_pushed';
    END IF;
    RETURN CASE WHEN chancery.pushes_end(p_run) THEN 'sealed'
                WHEN EXISTS (SELECT FROM chancery.intakes i WHERE i.run_id = p_run AND i.pending > 0) THEN 'closed'
                ELSE 'deleted' END;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.pushes_seal(integer, uuid) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.pushes_seal(integer, uuid) TO chancery_gateway;
