-- Gives keys back to the ring, in the turn of p_instant: those whose batch has been stored, and
-- those whose lease has run out, whose batch then waits for another signer. Returns how many
-- had run out. A lease whose row is locked is being stored or renewed this moment: it is left
-- to the next turn, so that a turn never waits for anybody.
CREATE OR REPLACE FUNCTION chancery.keyring_collect(p_keyring integer, p_instant timestamptz, p_use_floor bigint)
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_lease record;
    v_expired integer := 0;
BEGIN
    FOR v_lease IN
        SELECT l.id, l.run_id, l.batch, l.outcome FROM chancery.leases l
         WHERE l.keyring_id = p_keyring AND l.released_at IS NULL AND l.use_sequence >= p_use_floor
           AND (l.outcome = 'signed' OR l.expires_at <= p_instant)
         FOR UPDATE SKIP LOCKED
    LOOP
        UPDATE chancery.leases l SET released_at = p_instant, outcome = coalesce(l.outcome, 'expired')
         WHERE l.id = v_lease.id;
        IF v_lease.outcome IS NULL THEN
            v_expired := v_expired + 1;
            PERFORM chancery.batch_return(v_lease.run_id, v_lease.batch, v_lease.id);
        END IF;
    END LOOP;
    RETURN v_expired;
END
$$;
