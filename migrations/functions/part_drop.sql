-- Drops a part that is out of its table of all runs or rings (part_detach).
CREATE OR REPLACE FUNCTION chancery.part_drop(p_parent text, p_number integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_part regclass := to_regclass(format('chancery.%I', p_parent || '_' || p_number));
BEGIN
    PERFORM chancery.part_refuse(p_parent, p_number);
    IF EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = v_part) THEN
        RAISE EXCEPTION '%_% is not detached yet', p_parent, p_number USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF v_part IS NOT NULL THEN
        EXECUTE format('DROP TABLE %s', v_part);
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.part_drop(text, integer) TO chancery_operator;
