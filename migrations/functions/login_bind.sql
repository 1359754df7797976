-- Gives a login that was just made its run: from now on it may sign that run, and read its records; or, as its name says,
-- admit records to it or bring its batches to sinks, and read nothing. Not a run that is being deleted, or gone: whoever deletes a run drops the logins
-- that it has by then.
--
-- The records are read from the run's own table. Asked for them by the parent, the server would choose among the
-- tables of all runs each time, and a right to the parent would be one to every run.
CREATE OR REPLACE FUNCTION chancery.login_bind(p_run integer, p_login name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_work chancery.login_work := CASE substring(p_login::text FROM '^chancery_[0-9a-f]{12}_(.)') WHEN 'i' THEN 'Admit' WHEN 'd' THEN 'Deliver' ELSE 'Sign' END;
BEGIN
    -- One at a time: two grants on one table at once do not work.
    PERFORM FROM chancery.runs r WHERE r.id = p_run AND r.deleted_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'run % is gone, or being deleted: it gets no login', p_run USING ERRCODE = 'CH006';
    END IF;
    INSERT INTO chancery.logins (name, run_id, work) VALUES (p_login, p_run, v_work);
    IF v_work <> 'Sign' THEN
        RETURN;
    END IF;
    EXECUTE format('GRANT SELECT ON chancery.%I TO %I', 'records_' || p_run, p_login);
END
$$;

GRANT EXECUTE ON FUNCTION chancery.login_bind(integer, name) TO chancery_operator;
