-- Refuses to take away anything but what a run that is deleted, or gone, has of the tables of all runs.
CREATE OR REPLACE FUNCTION chancery.run_table_refuse(p_run integer, p_parent text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_parent NOT IN ('records', 'batches', 'signatures') THEN
        RAISE EXCEPTION 'runs have no tables of %', quote_literal(left(p_parent, 100))
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF EXISTS (SELECT FROM chancery.runs r WHERE r.id = p_run AND r.deleted_at IS NULL) THEN
        RAISE EXCEPTION 'run % is not deleted', p_run USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
END
$$;
