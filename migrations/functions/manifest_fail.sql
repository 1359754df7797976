-- Says that the sink refused its manifest, which the caller was given by delivery_take. It counts, and it is handed out again after so many
-- seconds; with as many refusals as the sink allows, it is given up, as a batch is. Returns whether it is; null when somebody else has it.
CREATE OR REPLACE FUNCTION chancery.manifest_fail(p_sink integer, p_token bytea, p_error text, p_seconds double precision) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_limit integer;
    v_is_given_up boolean;
BEGIN
    IF num_nulls(p_sink, p_token, p_error, p_seconds) > 0 THEN
        RAISE EXCEPTION 'a manifest that is refused needs an error and a pause' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- In the order of manifest_take.
    SELECT s.attempt_limit INTO v_limit FROM chancery.sinks s WHERE s.run_id = v_run AND s.sink = p_sink FOR NO KEY UPDATE;
    UPDATE chancery.manifests m
       SET attempts = m.attempts + 1, last_error = left(p_error, 1024), holder = NULL, token_hash = NULL,
           ended_at = CASE WHEN m.attempts + 1 >= v_limit THEN clock_timestamp() END,
           not_before = clock_timestamp() + make_interval(secs => least(greatest(p_seconds, 0), 3600)), put_off_at = clock_timestamp()
     WHERE m.run_id = v_run AND m.sink = p_sink AND m.token_hash = sha256(p_token)
    RETURNING m.ended_at IS NOT NULL INTO v_is_given_up;
    IF FOUND THEN
        UPDATE chancery.sinks s SET unavailable_since = NULL, failures = 0, not_before = NULL, tried_at = NULL, last_error = NULL
         WHERE s.run_id = v_run AND s.sink = p_sink AND s.unavailable_since IS NOT NULL;
    END IF;
    RETURN v_is_given_up;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.manifest_fail(integer, bytea, text, double precision) TO chancery_delivery;
