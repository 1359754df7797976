-- Takes its run from a login.
CREATE OR REPLACE FUNCTION chancery.login_unbind(p_login name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run integer;
    v_records regclass;
BEGIN
    DELETE FROM chancery.logins l WHERE l.name = p_login RETURNING l.run_id INTO v_run;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    v_records := to_regclass(format('chancery.%I', 'records_' || v_run));
    IF v_records IS NOT NULL AND EXISTS (SELECT FROM pg_roles r WHERE r.rolname = p_login) THEN
        PERFORM FROM chancery.runs r WHERE r.id = v_run FOR NO KEY UPDATE;
        EXECUTE format('REVOKE ALL ON %s FROM %I', v_records, p_login);
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.login_unbind(name) TO chancery_operator;
