-- Forgets the digests of a run that is deleted, once its own tables are gone, so that no more can come. From then on the
-- ring may sign these payloads again. Those of a run with a window are kept for that (digests_sweep).
CREATE OR REPLACE FUNCTION chancery.digests_forget(p_run integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_ring integer := (SELECT r.keyring_id FROM chancery.runs r WHERE r.id = p_run AND r.deleted_at IS NOT NULL);
    v_forgotten bigint;
BEGIN
    INSERT INTO chancery.kept_digests (run_id, keyring_id, until)
    SELECT p_run, v_ring, clock_timestamp() + i.digest_window FROM chancery.intakes i
     WHERE i.run_id = p_run AND i.digest_window > interval '0' AND v_ring IS NOT NULL
        -- A deletion that was broken off and is carried on has noted it already.
        ON CONFLICT DO NOTHING;
    IF EXISTS (SELECT FROM chancery.kept_digests k WHERE k.run_id = p_run) THEN
        RETURN 0;
    END IF;
    DELETE FROM chancery.digests d WHERE d.keyring_id = v_ring AND d.run_id = p_run;
    GET DIAGNOSTICS v_forgotten = ROW_COUNT;
    RETURN v_forgotten;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.digests_forget(integer) TO chancery_operator;
