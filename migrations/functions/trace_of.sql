-- The one trace in which all arrivals at these positions of a split came; null if they came in several, or one of them in none.
CREATE OR REPLACE FUNCTION chancery.trace_of(p_run integer, p_source integer, p_split integer, p_positions bigint[]) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_trace text;
BEGIN
    IF to_regclass(format('chancery.%I', 'traces_' || p_run)) IS NOT NULL THEN
        EXECUTE format(
            'SELECT CASE WHEN count(DISTINCT coalesce(q.trace, '''')) = 1 THEN min(q.trace) END
               FROM (SELECT %s AS trace FROM (SELECT $1 AS source, $2 AS split, u.position FROM unnest($3) AS u (position)) r) q',
            chancery.trace_query(p_run))
           INTO v_trace USING p_source, p_split, p_positions;
    END IF;
    RETURN v_trace;
END
$$;
