-- The number of the record of a run whose payload has this SHA-256; nothing if there is none, if the run does not know payloads
-- by that, or is being deleted. The table of the keyring is named: see record_payload.
CREATE OR REPLACE FUNCTION chancery.record_of_digest(p_run integer, p_digest bytea) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_keyring integer := (SELECT r.keyring_id FROM chancery.runs r WHERE r.id = p_run AND r.deleted_at IS NULL);
BEGIN
    IF v_keyring IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format('SELECT d.record FROM chancery.%I d WHERE d.digest = $1 AND d.run_id = $2', 'digests_' || v_keyring)
        USING p_digest, p_run;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.record_of_digest(integer, bytea) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.record_of_digest(integer, bytea) TO chancery_gateway;
