-- Notes in which traces arrivals of a call came, those before p_end: from p_traced[n] to p_traced_to[n] in p_traces[n]. Nothing in a run whose
-- sources have none.
CREATE OR REPLACE FUNCTION chancery.admit_traces(
    p_run integer, p_source integer, p_split integer, p_position bigint, p_end bigint, p_traced bigint[], p_traced_to bigint[], p_traces text[])
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(p_traced) <> cardinality(p_traces) OR cardinality(p_traced_to) <> cardinality(p_traces)
       OR EXISTS (SELECT FROM unnest(p_traced, p_traced_to) AS t (first, last) WHERE (t.first >= p_position AND t.last >= t.first) IS NOT TRUE) THEN
        RAISE EXCEPTION 'a trace holds from one position of the call to another' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF cardinality(p_traces) > 0 AND to_regclass(format('chancery.%I', 'traces_' || p_run)) IS NOT NULL THEN
        EXECUTE format(
            'INSERT INTO chancery.%I (source, split, position, last_position, run_id, traceparent)
             SELECT $1, $2, t.first, least(t.last, $3 - 1), $4, t.trace
               FROM unnest($5, $6, $7) AS t (first, last, trace) WHERE t.first < $3', 'traces_' || p_run)
          USING p_source, p_split, p_end, p_run, p_traced, p_traced_to, p_traces;
    END IF;
END
$$;
