-- Says that the sink has its manifest, which the caller was given by delivery_take: what it knows it by, and its SHA-256. False when
-- somebody else has it by now, or another one is due.
CREATE OR REPLACE FUNCTION chancery.manifest_settle(p_sink integer, p_token bytea, p_object text, p_digest bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
BEGIN
    IF num_nulls(p_sink, p_token, p_object, p_digest) > 0 THEN
        RAISE EXCEPTION 'a manifest that is settled needs an object and a digest' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- In the order of manifest_take.
    PERFORM FROM chancery.sinks s WHERE s.run_id = v_run AND s.sink = p_sink FOR NO KEY UPDATE;
    UPDATE chancery.manifests m
       SET object = p_object, digest = p_digest, ended_at = clock_timestamp(), holder = NULL, token_hash = NULL
     WHERE m.run_id = v_run AND m.sink = p_sink AND m.token_hash = sha256(p_token);
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE chancery.sinks s SET unavailable_since = NULL, failures = 0, not_before = NULL, tried_at = NULL, last_error = NULL
     WHERE s.run_id = v_run AND s.sink = p_sink AND s.unavailable_since IS NOT NULL;
    RETURN true;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.manifest_settle(integer, bytea, text, bytea) TO chancery_delivery;
