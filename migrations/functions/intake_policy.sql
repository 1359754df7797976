-- The policy that judges what this session's login admits to its run, and its SHA-256; nothing if the run has none.
CREATE OR REPLACE FUNCTION chancery.intake_policy() RETURNS TABLE (hash bytea, text text)
LANGUAGE plpgsql STABLE ROWS 1 SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT p.hash, p.text FROM chancery.runs r JOIN chancery.policies p ON p.hash = r.policy_hash
     WHERE r.id = chancery.intake_of_session() AND r.deleted_at IS NULL;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.intake_policy() TO chancery_intake;
