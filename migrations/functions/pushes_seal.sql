-- Seals a run to which programs push: nothing more is taken in. What is in a call of records_push by then is taken in before.
--
-- answer: sealed, also if it was; closed, when something waits to be judged: the run is sealed once that is settled; not_pushed, when the run has other sources; deleted or unknown.
CREATE OR REPLACE FUNCTION chancery.pushes_seal(p_run integer, p_run_uid uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_refusal text := chancery.pushes_refusal(p_run, p_run_uid);
BEGIN
    IF v_refusal IS NULL THEN
        PERFORM chancery.run_turn(p_run);
        -- Again, because waiting for the turn may have taken long.
        v_refusal := chancery.pushes_refusal(p_run, p_run_uid);
    END IF;
    IF v_refusal IS NOT NULL THEN
        RETURN v_refusal;
    END IF;
    RETURN CASE WHEN chancery.pushes_end(p_run) THEN 'sealed'
                WHEN EXISTS (SELECT FROM chancery.intakes i WHERE i.run_id = p_run AND i.pending > 0) THEN 'closed'
                ELSE 'deleted' END;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.pushes_seal(integer, uuid) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.pushes_seal(integer, uuid) TO chancery_gateway;
