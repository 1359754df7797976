-- Refuses what admit must not be called with, before anything is locked for it.
CREATE OR REPLACE FUNCTION chancery.admit_check(
    p_position bigint, p_next bigint, p_payloads bytea[], p_positions bigint[], p_identities bytea[],
    p_dead_positions bigint[], p_stages text[], p_reasons text[], p_raws bytea[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v_payloads integer := cardinality(p_payloads);
    v_dead integer := cardinality(p_dead_positions);
    -- Without a stage, they are rejected: a policy may do that to all there is.
    v_rejected integer := cardinality(array_positions(p_stages, NULL));
BEGIN
    IF v_payloads + v_rejected > 100000 OR v_dead - v_rejected > 1000 THEN
        RAISE EXCEPTION 'at most 100000 payloads and 1000 dead letters at a time' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_payloads <> cardinality(p_positions) OR v_dead <> cardinality(p_stages) OR v_dead <> cardinality(p_reasons)
       OR v_dead <> cardinality(p_raws)
       OR EXISTS (SELECT FROM (VALUES (array_dims(p_payloads), v_payloads), (array_dims(p_positions), v_payloads),
                                      (array_dims(p_identities), cardinality(p_identities)),
                                      (array_dims(p_dead_positions), v_dead), (array_dims(p_stages), v_dead),
                                      (array_dims(p_reasons), v_dead), (array_dims(p_raws), v_dead)) AS a (dims, length)
                   WHERE a.dims <> format('[1:%s]', a.length)) THEN
        RAISE EXCEPTION 'each payload and each dead letter needs a position, in arrays of one dimension that begin at 1'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF array_position(p_payloads, NULL) IS NOT NULL OR array_position(p_identities, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'a payload or an identity is null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_next < p_position
       OR EXISTS (SELECT FROM unnest(p_position - 1 || p_positions, p_positions || p_next) AS t (before, after)
                   WHERE (t.before < t.after) IS NOT TRUE)
       OR EXISTS (SELECT FROM unnest(p_position - 1 || p_dead_positions, p_dead_positions || p_next) AS t (before, after)
                   WHERE (t.before < t.after) IS NOT TRUE)
       OR p_positions && p_dead_positions THEN
        RAISE EXCEPTION 'positions have to be different, in order, from % on and before %', p_position, p_next
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
