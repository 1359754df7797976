-- Waits for the run's turn to admit records. The lock is held to the end of the transaction.
CREATE OR REPLACE FUNCTION chancery.run_turn(p_run integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    -- Whatever is read after this call has to include what earlier turns wrote: see keyring_turn.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'admitting records needs READ COMMITTED, the transaction is %',
            upper(current_setting('transaction_isolation')) USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- The first number is the namespace of Chancery's locks of runs.
    PERFORM pg_advisory_xact_lock(1128814159, p_run);
END
$$;
