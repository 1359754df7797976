-- Gives a key and its batch back unsigned, at once. False when the lease is no longer open.
CREATE OR REPLACE FUNCTION chancery.lease_abandon(p_lease bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
DECLARE
    v_lease record;
    v_instant timestamptz;
BEGIN
    -- The row first, the turn second: a store that holds the row may take long, and nobody is to wait
    -- for it while having the turn. Whoever has the turn skips locked rows, so there is no deadlock.
    SELECT l.keyring_id, l.run_id, l.batch INTO v_lease FROM chancery.leases l
     WHERE l.id = p_lease AND (l.outcome IS NULL) IS TRUE FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    v_instant := (chancery.keyring_turn(v_lease.keyring_id)).instant;
    UPDATE chancery.leases l SET outcome = 'abandoned', released_at = v_instant WHERE l.id = p_lease;
    PERFORM chancery.batch_return(v_lease.run_id, v_lease.batch, p_lease);
    RETURN true;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.lease_abandon(bigint) TO chancery_signer;
