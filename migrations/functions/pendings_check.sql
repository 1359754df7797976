-- Refuses what pendings_settle must not be called with, before anything is locked for it.
CREATE OR REPLACE FUNCTION chancery.pendings_check(
    p_positions bigint[], p_enriched bytea[], p_dead_positions bigint[], p_stages text[], p_reasons text[], p_answers text[],
    p_judged chancery.judgement) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v_payloads integer := cardinality(p_positions);
    v_dead integer := cardinality(p_dead_positions);
BEGIN
    IF num_nulls(p_positions, p_enriched, p_dead_positions, p_stages, p_reasons, p_answers) > 0
       OR v_payloads + v_dead > 10000 OR v_payloads <> cardinality(p_enriched)
       OR v_dead <> cardinality(p_stages) OR v_dead <> cardinality(p_reasons)
       OR v_payloads + v_dead <> cardinality(p_answers) OR array_position(p_answers, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'each of at most 10000 arrivals needs its answers, and each refusal a reason' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF EXISTS (SELECT FROM (VALUES (array_dims(p_positions), v_payloads), (array_dims(p_enriched), v_payloads),
                                   (array_dims(p_dead_positions), v_dead), (array_dims(p_stages), v_dead),
                                   (array_dims(p_reasons), v_dead), (array_dims(p_answers), v_payloads + v_dead)) AS a (dims, length)
                WHERE a.dims <> format('[1:%s]', a.length)) THEN
        RAISE EXCEPTION 'arrays have one dimension, and begin at 1' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_positions && p_dead_positions
       OR EXISTS (SELECT FROM unnest(-1 || p_positions, p_positions || 9223372036854775807) AS t (before, after)
                   WHERE (t.before < t.after) IS NOT TRUE)
       OR EXISTS (SELECT FROM unnest(-1 || p_dead_positions, p_dead_positions || 9223372036854775807) AS t (before, after)
                   WHERE (t.before < t.after) IS NOT TRUE) THEN
        RAISE EXCEPTION 'positions have to be different, and in order' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF cardinality(p_judged.starts) + cardinality(p_judged.pending) + cardinality(p_judged.originals) > 0 THEN
        RAISE EXCEPTION 'what waited has its instant and its bytes in the ledger, and does not begin to wait again'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
