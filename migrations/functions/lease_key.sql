-- The key of a lease: its private part, wrapped, and its public key. Both null when the lease is no longer the caller's,
-- or never was, or is one of another run than the login's; empty when the ring has lost them.
--
-- Key material leaves the ledger only under a lease that is committed, so that whoever has it is in the log: not in the
-- transaction that asked for the lease, which may be rolled back. A transaction that has written anything, in a
-- subtransaction too, has a number.
CREATE OR REPLACE FUNCTION chancery.lease_key(
    p_lease bigint, p_token bytea, OUT wrapped_key bytea, OUT public_key bytea)
LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_key uuid;
BEGIN
    IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
        RAISE EXCEPTION 'lease_key needs a transaction of its own: this one has written'
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    SELECT l.key_id INTO v_key FROM chancery.leases l
     WHERE l.id = p_lease AND l.token_hash = sha256(p_token) AND (l.outcome IS NULL) IS TRUE
       AND (l.run_id = chancery.run_of_session()) IS TRUE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT m.wrapped_key, m.public_key INTO wrapped_key, public_key
      FROM chancery.key_material m WHERE m.key_id = v_key;
    wrapped_key := coalesce(wrapped_key, ''::bytea);
    public_key := coalesce(public_key, ''::bytea);
END
$$;

GRANT EXECUTE ON FUNCTION chancery.lease_key(bigint, bytea) TO chancery_signer;
