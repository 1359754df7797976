-- Returns the keys of leases that have ended to the ring of a run: after the last store of a
-- run no signer may be left to do it.
CREATE OR REPLACE FUNCTION chancery.run_settle(p_run integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
DECLARE
    v_keyring integer;
BEGIN
    SELECT r.keyring_id INTO v_keyring FROM chancery.runs r WHERE r.id = p_run;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    RETURN chancery.keyring_collect(v_keyring, (chancery.keyring_turn(v_keyring)).instant, 0);
END
$$;

GRANT EXECUTE ON FUNCTION chancery.run_settle(integer) TO chancery_operator;
