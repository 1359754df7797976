-- Refuses what pendings_settle must not be called with, before anything is locked for it.
CREATE OR REPLACE FUNCTION chancery.pendings_check(
    p_positions bigint[], p_enriched bytea[], p_dead_positions bigint[], p_stages text[], p_reasons text[], p_answers text[],
    p_attempts integer[], p_judged chancery.judgement) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v_payloads integer := cardinality(p_positions);
    v_dead integer := cardinality(p_dead_positions);
BEGIN
    IF num_nulls(p_positions, p_enriched, p_dead_positions, p_stages, p_reasons, p_answers, p_attempts) > 0
       OR v_payloads + v_dead > 10000 OR v_payloads <> cardinality(p_enriched)
       OR v_dead <> cardinality(p_stages) OR v_dead <> cardinality(p_reasons)
       OR v_payloads + v_dead <> cardinality(p_answers) OR v_payloads + v_dead <> cardinality(p_attempts)
       OR array_position(p_answers, NULL) IS NOT NULL OR array_position(p_attempts, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'each of at most 10000 arrivals needs its answers, and each refusal a reason' USING ERRCODE = 'invalid_parameter_value';
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
