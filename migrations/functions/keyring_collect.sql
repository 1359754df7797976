-- Gives keys back to the ring, in the turn of p_instant: those whose batch has been stored, and
-- those whose lease has run out, whose batch then waits for another signer. Returns how many
-- had run out. A lease whose row is locked is being stored or renewed this moment: it is left
-- to the next turn, so that a turn never waits for anybody.
--
-- The server's clock may be set while a lease is open, so the clock alone ends none:
--
-- * A lease that ends later than its whole duration from now shows that the clock was set back since. It ends a
--   duration from now: its holder renewed it before now, and may count on no more.
-- * Holders renew every third of the duration. A turn that finds half of it gone without a renewal doubts the lease,
--   and only when the other half has passed since then, and the lease has run out, is it taken back. A renewal
--   dispels the doubt. So a clock that was set forward ends no lease whose holder renews it.
--
-- A turn may be held up anywhere. So a lease has run out only if it had by the instant of the turn, at which it will
-- have been taken back; and whether one ends too late is judged by the clock as it is when its row is read, because it
-- may have been renewed since the turn began.
CREATE OR REPLACE FUNCTION chancery.keyring_collect(p_keyring integer, p_instant timestamptz, p_use_floor bigint)
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_clock timestamptz := least(clock_timestamp(), p_instant);
    v_lease record;
    v_expired integer := 0;
BEGIN
    FOR v_lease IN
        SELECT l.id, l.run_id, l.batch, l.outcome,
               l.expires_at > clock_timestamp() + l.duration AS is_beyond,
               l.doubted_at IS NULL OR l.doubted_at > v_clock AS is_trusted
          FROM chancery.leases l
         WHERE l.keyring_id = p_keyring AND l.released_at IS NULL AND l.use_sequence >= p_use_floor
           AND (l.outcome = 'signed'
                OR l.expires_at > clock_timestamp() + l.duration
                OR (l.expires_at <= v_clock + l.duration / 2 AND (l.doubted_at IS NULL OR l.doubted_at > v_clock))
                OR (l.expires_at <= v_clock AND l.doubted_at <= v_clock - l.duration / 2))
         FOR UPDATE SKIP LOCKED
    LOOP
        IF v_lease.outcome = 'signed' THEN
            UPDATE chancery.leases l SET released_at = p_instant WHERE l.id = v_lease.id;
        ELSIF v_lease.is_beyond THEN
            UPDATE chancery.leases l SET expires_at = clock_timestamp() + l.duration, doubted_at = NULL
             WHERE l.id = v_lease.id;
        ELSIF v_lease.is_trusted THEN
            -- From now on, not from when the turn began: its holder has the whole other half.
            UPDATE chancery.leases l SET doubted_at = clock_timestamp() WHERE l.id = v_lease.id;
        ELSE
            UPDATE chancery.leases l
               SET released_at = p_instant, outcome = 'expired', returned = true, token_hash = NULL
             WHERE l.id = v_lease.id;
            v_expired := v_expired + 1;
            PERFORM chancery.batch_return(v_lease.run_id, v_lease.batch, v_lease.id);
        END IF;
    END LOOP;
    RETURN v_expired;
END
$$;
