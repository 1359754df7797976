-- Makes the commit of the calling transaction wait for the disk, and so for every commit before it: whatever lease its
-- signer holds is durable then (lease_acquire itself does not wait). True when the login's run is the one of this uid: a
-- partition's number is another run's in a ledger that was made anew.
--
-- An empty message in the server's log does that. Signers may not write such messages themselves, which could be of any
-- length.
CREATE OR REPLACE FUNCTION chancery.leases_durable(p_run_uid uuid) RETURNS boolean
LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM chancery.runs r WHERE r.id = chancery.run_of_session() AND (r.uid = p_run_uid) IS TRUE) THEN
        RETURN false;
    END IF;
    PERFORM pg_logical_emit_message(true, 'chancery', '');
    RETURN true;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.leases_durable(uuid) TO chancery_signer;
