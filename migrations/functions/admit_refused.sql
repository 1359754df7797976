-- Stores those arrivals of a call that are refused, up to p_end: dead letters, and, without a stage, what a rule rejected. Returns how many
-- are the one and the other. Whoever is to be told of them is (event_refused). p_arrived: when each came, where that was before; null where it is now.
CREATE OR REPLACE FUNCTION chancery.admit_refused(
    p_run integer, p_source integer, p_split integer, p_end bigint, p_positions bigint[], p_stages text[], p_rules text[],
    p_reasons text[], p_raws bytea[], p_arrived timestamptz[], OUT dead bigint, OUT rejected bigint)
LANGUAGE plpgsql AS $$
BEGIN
    dead := 0;
    rejected := 0;
    IF cardinality(p_positions) > 0 THEN
        WITH refused AS (
            INSERT INTO chancery.arrivals (source, split, position, run_id, state, digest, stage, rule, reason, raw, arrived_at)
            SELECT p_source, p_split, d.position, p_run, d.state, CASE WHEN d.state = 'Rejected' THEN sha256(d.raw) END,
                   d.stage, d.rule, d.reason, d.raw, coalesce(d.arrived_at, clock_timestamp())
              FROM (SELECT u.*, CASE WHEN u.stage IS NULL THEN 'Rejected' ELSE 'Dead' END::chancery.arrival_state AS state
                      FROM unnest(p_positions, p_stages, p_rules, p_reasons, p_raws, p_arrived)
                        AS u (position, stage, rule, reason, raw, arrived_at)) d
             WHERE d.position < p_end
            RETURNING state)
        SELECT count(*) FILTER (WHERE r.state = 'Dead'), count(*) FILTER (WHERE r.state = 'Rejected')
          INTO dead, rejected FROM refused r;
        IF dead > 0 THEN
            PERFORM chancery.event_refused(p_run, p_source, p_split, p_end, p_positions, p_stages, p_rules, true);
        END IF;
        IF rejected > 0 THEN
            PERFORM chancery.event_refused(p_run, p_source, p_split, p_end, p_positions, p_stages, p_rules, false);
        END IF;
    END IF;
END
$$;
