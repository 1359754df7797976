-- Writes down that arrivals of a call were refused, up to p_end: the dead letters among them, or what a rule rejected. One event tells of
-- all of them: how many, how many by each stage or rule, and where the first are. Neither a payload nor a reason, which may repeat one.
--
-- A dead letter that was taken up again, and died again, is told of once more.
CREATE OR REPLACE FUNCTION chancery.event_refused(
    p_run integer, p_source integer, p_split integer, p_end bigint, p_positions bigint[], p_stages text[], p_rules text[], p_dead boolean)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_event text := CASE WHEN p_dead THEN 'record.dead' ELSE 'record.rejected' END;
    v_refused record;
BEGIN
    IF NOT chancery.event_wanted(p_run, v_event) THEN
        RETURN;
    END IF;
    WITH refused AS (
        SELECT u.position, left(CASE WHEN p_dead THEN u.stage ELSE u.rule END, 63) AS why
          FROM unnest(p_positions, p_stages, p_rules) AS u (position, stage, rule)
         WHERE u.position < p_end AND (u.stage IS NOT NULL) = p_dead),
    counted AS (
        SELECT r.why, count(*) AS number FROM refused r GROUP BY r.why ORDER BY count(*) DESC, r.why LIMIT 20)
    SELECT (SELECT count(*) FROM refused) AS number, (SELECT array_agg(r.position) FROM refused r) AS places, (SELECT min(r.position) FROM refused r) AS first,
           (SELECT jsonb_agg(f.position) FROM (SELECT r.position FROM refused r ORDER BY r.position LIMIT 100) f) AS positions,
           (SELECT jsonb_object_agg(c.why, c.number) FROM counted c) AS reasons
      INTO v_refused;
    PERFORM chancery.event_write(
        p_run, v_event,
        format('%s/%s/%s/%s', p_source, p_split, v_refused.first,
               (SELECT count(*) FROM chancery.letter_moves m
                 WHERE m.run_id = p_run AND m.source = p_source AND m.split = p_split AND m.position = v_refused.first)),
        jsonb_build_object(
            'source', (SELECT s.name FROM chancery.sources s WHERE s.run_id = p_run AND s.source = p_source), 'split', p_split,
            'count', v_refused.number, 'positions', v_refused.positions,
            CASE WHEN p_dead THEN 'stages' ELSE 'rules' END, v_refused.reasons),
        chancery.trace_of(p_run, p_source, p_split, v_refused.places));
END
$$;
