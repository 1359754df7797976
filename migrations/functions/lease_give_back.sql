-- Gives a key and its batch back unsigned, at once. False when the lease is no longer open. Asks for no token: whoever
-- calls it knows that the holder is done with the key.
CREATE OR REPLACE FUNCTION chancery.lease_give_back(p_lease bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
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
    UPDATE chancery.leases l SET outcome = 'abandoned', returned = true, released_at = v_instant, token_hash = NULL
     WHERE l.id = p_lease;
    PERFORM chancery.batch_return(v_lease.run_id, v_lease.batch, p_lease);
    RETURN true;
END
$$;
