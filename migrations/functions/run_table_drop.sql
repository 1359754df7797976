-- Drops the table that a deleted run had of p_parent, once it is out of the table of all runs (run_table_detach).
CREATE OR REPLACE FUNCTION chancery.run_table_drop(p_run integer, p_parent text) RETURNS void
LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_table regclass := to_regclass(format('chancery.%I', p_parent || '_' || p_run));
BEGIN
    PERFORM chancery.run_table_refuse(p_run, p_parent);
    IF EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = v_table) THEN
        RAISE EXCEPTION 'the % of run % are not detached yet', p_parent, p_run
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF v_table IS NOT NULL THEN
        EXECUTE format('DROP TABLE %s', v_table);
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.run_table_drop(integer, text) TO chancery_operator;
