-- Prolongs a manifest that the caller was given by delivery_take: for p_seconds from now. False when somebody else has it by now, or another
-- one is due.
CREATE OR REPLACE FUNCTION chancery.manifest_renew(p_sink integer, p_token bytea, p_seconds double precision) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
BEGIN
    IF num_nulls(p_sink, p_token, p_seconds) > 0 THEN
        RAISE EXCEPTION 'manifest_renew takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE chancery.manifests m
       SET not_before = clock_timestamp() + make_interval(secs => least(greatest(p_seconds, 1), 3600)), put_off_at = clock_timestamp()
     WHERE m.run_id = v_run AND m.sink = p_sink AND m.token_hash = sha256(p_token);
    RETURN FOUND;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.manifest_renew(integer, bytea, double precision) TO chancery_delivery;
