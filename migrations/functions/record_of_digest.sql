-- The number of the record of a run whose payload has this SHA-256, or had it before a policy enriched it; nothing if there is none, if the run does not know payloads
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
    IF NOT FOUND AND to_regclass('chancery.originals_' || p_run) IS NOT NULL
       AND (SELECT i.idempotency = 'Content' FROM chancery.intakes i WHERE i.run_id = p_run) THEN
        RETURN QUERY EXECUTE format('SELECT o.record FROM chancery.%I o WHERE o.digest = $1 LIMIT 1', 'originals_' || p_run) USING p_digest;
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.record_of_digest(integer, bytea) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.record_of_digest(integer, bytea) TO chancery_gateway;
