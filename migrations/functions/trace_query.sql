-- In which trace an arrival of a run came, as an expression for a statement in which `r` has its source, split and position.
CREATE OR REPLACE FUNCTION chancery.trace_query(p_run integer) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF to_regclass(format('chancery.%I', 'traces_' || p_run)) IS NULL THEN
        RETURN 'NULL::text';
    END IF;
    RETURN format('(SELECT CASE WHEN t.last_position >= r.position THEN t.traceparent END FROM chancery.%I t
                     WHERE t.source = r.source AND t.split = r.split AND t.position <= r.position ORDER BY t.position DESC LIMIT 1)',
                  'traces_' || p_run);
END
$$;
