-- Refuses arrivals that were not judged as their run has it: in a run that has a policy, by that very version of it, each from an
-- instant on; in one that has none, not at all. A payload that was rejected names its rule, as does one that the policy failed for. What
-- waits for others has been judged by nobody yet.
CREATE OR REPLACE FUNCTION chancery.admit_check_judged(
    p_policy bytea, p_positions bigint[], p_dead_positions bigint[], p_stages text[], p_judged chancery.judgement) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v_payloads integer := cardinality(p_positions);
    v_dead integer := cardinality(p_dead_positions);
    v_pending integer := cardinality(p_judged.pending);
BEGIN
    IF p_judged.policy IS DISTINCT FROM p_policy THEN
        RAISE EXCEPTION 'the run has the policy %, and these arrivals were judged by %',
            coalesce(encode(p_policy, 'hex'), 'none'), coalesce(encode(p_judged.policy, 'hex'), 'none')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_policy IS NULL THEN
        IF array_position(p_stages, NULL) IS NOT NULL OR 'Policy' = ANY (p_stages)
           OR num_nonnulls(p_judged.starts, p_judged.instants, p_judged.rules, p_judged.originals, p_judged.marked, p_judged.marks,
                           p_judged.ignored, p_judged.pending, p_judged.payloads, p_judged.names) > 0 THEN
            RAISE EXCEPTION 'a run without a policy judges nothing' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        RETURN;
    END IF;
    IF num_nulls(p_judged.starts, p_judged.instants, p_judged.rules, p_judged.originals, p_judged.marked, p_judged.marks,
                 p_judged.ignored, p_judged.pending, p_judged.payloads, p_judged.names) > 0
       OR cardinality(p_judged.starts) <> cardinality(p_judged.instants)
       OR cardinality(p_judged.starts) > greatest(v_payloads + v_dead + v_pending, 1)
       OR num_nulls(VARIADIC p_judged.starts) + num_nulls(VARIADIC p_judged.instants) > 0
       OR cardinality(p_judged.rules) <> v_dead
       OR cardinality(p_judged.originals) NOT IN (0, v_payloads)
       OR cardinality(p_judged.marked) <> cardinality(p_judged.marks)
       OR cardinality(p_judged.payloads) <> v_pending
       OR cardinality(p_judged.names) NOT IN (0, v_pending)
       OR p_judged.ignored < 0 THEN
        RAISE EXCEPTION 'a judgement has an instant from each place on, a rule for each refusal, and for each payload an original or none'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF EXISTS (SELECT FROM unnest(p_stages, p_judged.rules) AS d (stage, rule)
                WHERE (d.stage IS NULL OR d.stage = 'Policy') <> (d.rule IS NOT NULL)) THEN
        RAISE EXCEPTION 'a refusal of the policy names its rule, and another has none' USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
