-- Says that statements are made about a run, by whoever makes them: its manifests have them, and wait for them. One that was handed out
-- without says what it said. Returns how many manifests wait.
CREATE OR REPLACE FUNCTION chancery.manifests_stated(p_run integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_done bigint;
BEGIN
    UPDATE chancery.manifests m SET stated = true
     WHERE m.run_id = p_run AND NOT m.stated AND m.not_before IS NULL AND m.ended_at IS NULL;
    GET DIAGNOSTICS v_done = ROW_COUNT;
    RETURN v_done;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.manifests_stated(integer) TO chancery_operator;
