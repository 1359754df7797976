-- Waits for the keyring's turn and returns the instant of that turn, which is later than every
-- acquisition and not before any release in this keyring, even when the clock was set back; and the
-- use sequence of the ring's newest lease, which is in the log for as long as the ring is, with the floor that was true then:
-- below it no active key has its last use, nor will one have.
--
-- The lock is held to the end of the transaction. Whatever the caller reads *after* this call
-- includes all that earlier turns wrote, because each statement of a function takes a snapshot
-- of its own under READ COMMITTED; a caller at a higher isolation level would decide on what
-- was true before it got the lock, so it is refused.
CREATE OR REPLACE FUNCTION chancery.keyring_turn(
    p_keyring integer, OUT instant timestamptz, OUT last_use bigint, OUT use_floor bigint)
LANGUAGE plpgsql AS $$
DECLARE
    v_earliest timestamptz;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'leasing needs READ COMMITTED, the transaction is %',
            upper(current_setting('transaction_isolation')) USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- The first number is the namespace of Chancery's locks of keyrings.
    PERFORM pg_advisory_xact_lock(1128814158, p_keyring);
    SELECT l.use_sequence, l.use_floor, greatest(
               l.acquired_at + interval '1 microsecond',
               (SELECT r.released_at FROM chancery.leases r
                 WHERE r.keyring_id = p_keyring AND r.released_at IS NOT NULL
                 ORDER BY r.released_at DESC LIMIT 1))
      INTO last_use, use_floor, v_earliest
      FROM chancery.leases l
     WHERE l.keyring_id = p_keyring ORDER BY l.use_sequence DESC LIMIT 1;
    last_use := coalesce(last_use, 0);
    use_floor := coalesce(use_floor, 0);
    instant := greatest(clock_timestamp(), v_earliest);
END
$$;
