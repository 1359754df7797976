-- Refuses arrivals of a call that are to wait where they have no place of their own among the others, or no name in a run that names
-- payloads by an expression; and a first arrival that was judged by no instant, or would be. See admit_arrivals.
CREATE OR REPLACE FUNCTION chancery.admit_check_pending(
    p_by chancery.idempotency, p_position bigint, p_next bigint, p_positions bigint[], p_dead_positions bigint[],
    p_judged chancery.judgement) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF p_judged.policy IS NULL THEN
        RETURN;
    END IF;
    IF cardinality(p_judged.pending) > 100000
       OR EXISTS (SELECT FROM (VALUES (array_dims(p_judged.starts), cardinality(p_judged.starts)),
                                      (array_dims(p_judged.pending), cardinality(p_judged.pending)),
                                      (array_dims(p_judged.payloads), cardinality(p_judged.payloads)),
                                      (array_dims(p_judged.names), cardinality(p_judged.names))) AS a (dims, length)
                   WHERE a.dims <> format('[1:%s]', a.length)) THEN
        RAISE EXCEPTION 'at most 100000 arrivals wait of one call, in arrays of one dimension that begin at 1'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF (p_judged.starts[1] <= least(p_positions[1], p_dead_positions[1], p_judged.pending[1])) IS NOT TRUE
       AND cardinality(p_positions) + cardinality(p_dead_positions) + cardinality(p_judged.pending) > 0 THEN
        RAISE EXCEPTION 'no instant is given by which the first arrival was judged' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF cardinality(p_judged.pending) = 0 THEN
        RETURN;
    END IF;
    IF cardinality(p_judged.names) <> (CASE p_by WHEN 'Expression' THEN cardinality(p_judged.pending) ELSE 0 END)
       OR array_position(p_judged.payloads, NULL) IS NOT NULL OR array_position(p_judged.names, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'what waits has its payload, and a name in a run that names payloads by an expression'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_judged.pending && p_positions OR p_judged.pending && p_dead_positions
       OR EXISTS (SELECT FROM unnest(p_position - 1 || p_judged.pending, p_judged.pending || p_next) AS t (before, after)
                   WHERE (t.before < t.after) IS NOT TRUE) THEN
        RAISE EXCEPTION 'positions have to be different, in order, from % on and before %', p_position, p_next
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
