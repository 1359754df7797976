-- Gives back a manifest that the caller was given by delivery_take: it is due at once, and no attempt counts. With p_error, since the sink
-- cannot be reached: see delivery_give_back. False when somebody else has it by now.
CREATE OR REPLACE FUNCTION chancery.manifest_give_back(p_sink integer, p_token bytea, p_error text, p_seconds double precision)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_now timestamptz;
BEGIN
    IF num_nulls(p_sink, p_token) > 0 OR (p_error IS NULL) <> (p_seconds IS NULL) THEN
        RAISE EXCEPTION 'a manifest that is given back is a sink''s, and an error comes with a pause' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- In the order of manifest_take.
    PERFORM FROM chancery.sinks s WHERE s.run_id = v_run AND s.sink = p_sink FOR NO KEY UPDATE;
    v_now := clock_timestamp();
    UPDATE chancery.manifests m SET holder = NULL, token_hash = NULL, not_before = v_now, put_off_at = v_now
     WHERE m.run_id = v_run AND m.sink = p_sink AND m.token_hash = sha256(p_token);
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF p_error IS NOT NULL THEN
        UPDATE chancery.sinks s
           SET unavailable_since = coalesce(s.unavailable_since, v_now), failures = s.failures + 1, last_error = left(p_error, 1024),
               not_before = v_now + make_interval(secs => least(greatest(p_seconds, 0), 3600)), tried_at = v_now
         WHERE s.run_id = v_run AND s.sink = p_sink;
    END IF;
    RETURN true;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.manifest_give_back(integer, bytea, text, double precision) TO chancery_delivery;
