-- Whether somebody is still to be told of what happened to a run.
CREATE OR REPLACE FUNCTION chancery.run_untold(p_run integer) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    v_untold boolean := false;
BEGIN
    IF to_regclass(format('chancery.%I', 'events_' || p_run)) IS NOT NULL THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM chancery.%I e WHERE e.state = ''Pending'')', 'events_' || p_run) INTO v_untold;
    END IF;
    RETURN v_untold;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.run_untold(integer) TO chancery_operator;
