-- Removes the bytes of at most p_most of a run's dead letters, and of what was rejected, that have been kept for as long as the run
-- says, the oldest first. What they were, where and why stays, and so do their counts. Returns how many that were: with fewer than p_most,
-- nothing is due any more.
CREATE OR REPLACE FUNCTION chancery.dead_letters_sweep(p_run integer, p_most bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_retention interval;
    v_swept bigint;
BEGIN
    -- Before any look at what is there: whoever admits more changes this row last, and then sees what was said here.
    SELECT i.dead_retention INTO v_retention FROM chancery.intakes i WHERE i.run_id = p_run FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    UPDATE chancery.arrivals a SET raw = NULL, swept_at = clock_timestamp()
      FROM (SELECT d.source, d.split, d.position FROM chancery.arrivals d
             WHERE d.run_id = p_run AND d.raw IS NOT NULL AND d.arrived_at < clock_timestamp() - v_retention
             ORDER BY d.arrived_at LIMIT p_most) due
     WHERE a.run_id = p_run AND a.source = due.source AND a.split = due.split AND a.position = due.position;
    GET DIAGNOSTICS v_swept = ROW_COUNT;
    UPDATE chancery.intakes i
       SET sweep_at = (SELECT min(d.arrived_at) FROM chancery.arrivals d
                        WHERE d.run_id = p_run AND d.raw IS NOT NULL) + v_retention
     WHERE i.run_id = p_run;
    RETURN v_swept;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.dead_letters_sweep(integer, bigint) TO chancery_operator;
