-- Ends the listing of a source, which found p_splits of them: from now on they are read. False when the listing is no
-- longer the caller's.
CREATE OR REPLACE FUNCTION chancery.source_listed(p_source integer, p_token bytea, p_splits integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run integer := chancery.intake_of_session();
    v_found bigint;
BEGIN
    PERFORM FROM chancery.sources s
      WHERE s.run_id = v_run AND s.source = p_source AND s.listed_at IS NULL AND s.token_hash = sha256(p_token)
        FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT count(*) INTO v_found FROM chancery.splits t WHERE t.run_id = v_run AND t.source = p_source;
    IF v_found IS DISTINCT FROM p_splits OR v_found <> (SELECT coalesce(max(t.split), 0) FROM chancery.splits t
                                           WHERE t.run_id = v_run AND t.source = p_source) THEN
        RAISE EXCEPTION 'source % has % splits, not %, or a number among them is missing', p_source, v_found, p_splits
            USING ERRCODE = 'data_exception';
    END IF;
    UPDATE chancery.sources s
       SET listed_at = clock_timestamp(), holder = NULL, token_hash = NULL, expires_at = NULL,
           attempts = 0, not_before = NULL, last_error = NULL
     WHERE s.run_id = v_run AND s.source = p_source;
    RETURN true;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.source_listed(integer, bytea, integer) TO chancery_intake;
