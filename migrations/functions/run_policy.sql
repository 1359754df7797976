-- The policy that judges what is pushed to a run, and its SHA-256; nothing if the run has none, is another one by now, or is being
-- deleted.
CREATE OR REPLACE FUNCTION chancery.run_policy(p_run integer, p_run_uid uuid) RETURNS TABLE (hash bytea, text text)
LANGUAGE plpgsql STABLE ROWS 1 SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT p.hash, p.text FROM chancery.runs r JOIN chancery.policies p ON p.hash = r.policy_hash
     WHERE r.id = p_run AND r.uid = p_run_uid AND r.deleted_at IS NULL;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.run_policy(integer, uuid) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.run_policy(integer, uuid) TO chancery_gateway;
