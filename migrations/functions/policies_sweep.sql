-- Removes the versions of policies that no run names any more, and that policy_forget has met at a moment when one was about to. Returns
-- how many that were.
CREATE OR REPLACE FUNCTION chancery.policies_sweep() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_hash bytea;
    v_swept bigint := 0;
BEGIN
    FOR v_hash IN SELECT p.hash FROM chancery.policies p
                   WHERE NOT EXISTS (SELECT FROM chancery.runs r WHERE r.policy_hash = p.hash) ORDER BY p.hash LOOP
        PERFORM chancery.policy_forget(v_hash);
        v_swept := v_swept + (NOT EXISTS (SELECT FROM chancery.policies p WHERE p.hash = v_hash))::integer;
    END LOOP;
    RETURN v_swept;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.policies_sweep() TO chancery_operator;
