-- Prolongs what the caller was given by intake_next: a source that it lists (p_split is null), or a split that it reads.
-- False when it is no longer the caller's.
CREATE OR REPLACE FUNCTION chancery.intake_renew(p_source integer, p_split integer, p_token bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run integer := chancery.intake_of_session();
    v_until timestamptz := clock_timestamp() + (SELECT r.lease_duration FROM chancery.runs r WHERE r.id = v_run);
BEGIN
    IF p_split IS NULL THEN
        UPDATE chancery.sources s SET expires_at = v_until
         WHERE s.run_id = v_run AND s.source = p_source AND s.token_hash = sha256(p_token);
    ELSE
        UPDATE chancery.splits t SET expires_at = v_until
         WHERE t.run_id = v_run AND t.source = p_source AND t.split = p_split AND t.token_hash = sha256(p_token);
    END IF;
    RETURN FOUND;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.intake_renew(integer, integer, bytea) TO chancery_intake;
