-- Forgets the digests of runs that were deleted as long ago as they said (idempotency.window). From then on their rings may sign
-- these payloads again. Returns how many digests that were.
--
-- Whoever admits one of these payloads meanwhile waits for the end of this, and this waits for nobody.
CREATE OR REPLACE FUNCTION chancery.digests_sweep() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_kept record;
    v_forgotten bigint;
    v_all bigint := 0;
BEGIN
    -- One that another sweep is at is left to that.
    FOR v_kept IN SELECT k.run_id, k.keyring_id FROM chancery.kept_digests k
                   WHERE k.until <= clock_timestamp() ORDER BY k.run_id FOR UPDATE SKIP LOCKED LOOP
        DELETE FROM chancery.digests d WHERE d.keyring_id = v_kept.keyring_id AND d.run_id = v_kept.run_id;
        GET DIAGNOSTICS v_forgotten = ROW_COUNT;
        v_all := v_all + v_forgotten;
        DELETE FROM chancery.kept_digests k WHERE k.run_id = v_kept.run_id;
    END LOOP;
    RETURN v_all;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.digests_sweep() TO chancery_operator;
