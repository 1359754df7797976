-- Removes the bytes of a run's dead letters that have been kept for as long as the run says. What they were, where and why
-- stays, and so do their counts. Returns how many that were.
CREATE OR REPLACE FUNCTION chancery.dead_letters_sweep(p_run integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_swept bigint;
BEGIN
    UPDATE chancery.arrivals a SET raw = NULL, swept_at = clock_timestamp()
     WHERE a.run_id = p_run AND a.state = 'Dead' AND a.swept_at IS NULL
       AND a.arrived_at < clock_timestamp() - (SELECT i.dead_retention FROM chancery.intakes i WHERE i.run_id = p_run);
    GET DIAGNOSTICS v_swept = ROW_COUNT;
    RETURN v_swept;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.dead_letters_sweep(integer) TO chancery_operator;
