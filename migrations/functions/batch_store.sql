-- Stores signatures of the lease's batch, end to end, for the records p_first to p_end: from the batch's first record on, or
-- from the one after those that this transaction has stored. p_library made them. With p_last the batch is complete: the lease
-- is closed and the batch marked signed in the same transaction; the schema lets none commit that stores a part only. Nothing
-- is stored, and
--   CH001 raised when the lease is no longer the caller's, or never was, or is one of another run than the login's
--   CH002 raised when the records are not those that are next in its batch, or not the whole of it
--
-- Of which length a signature is, and that no record has two, the run's own table says (run_create).
--
-- The key itself goes back to the ring at the next turn of the keyring, which alone decides
-- instants; so a store neither waits for a turn nor makes one wait for the disk.
CREATE OR REPLACE FUNCTION chancery.batch_store(
    p_lease bigint, p_token bytea, p_first bigint, p_end bigint, p_signatures bytea, p_last boolean,
    p_library chancery.signing_library)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_lease record;
    v_batch record;
    v_fits boolean;
BEGIN
    -- A strict function would do nothing, as if all were stored.
    IF num_nulls(p_lease, p_token, p_first, p_end, p_signatures, p_last, p_library) > 0 THEN
        RAISE EXCEPTION 'batch_store takes no null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF p_last THEN
        UPDATE chancery.leases l SET outcome = 'signed', signed_at = clock_timestamp(), token_hash = NULL
         WHERE l.id = p_lease AND l.token_hash = sha256(p_token) AND (l.outcome IS NULL) IS TRUE
           AND (l.run_id = chancery.run_of_session()) IS TRUE
        RETURNING l.run_id, l.batch, l.stored_to INTO v_lease;
    ELSE
        -- Locked to the end of the transaction, so that nobody takes over a batch that is being stored.
        SELECT l.run_id, l.batch, l.stored_to INTO v_lease FROM chancery.leases l
         WHERE l.id = p_lease AND l.token_hash = sha256(p_token) AND (l.outcome IS NULL) IS TRUE
           AND (l.run_id = chancery.run_of_session()) IS TRUE FOR UPDATE;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'lease % is lost', p_lease USING ERRCODE = 'CH001';
    END IF;
    IF NOT p_last THEN
        v_batch := chancery.batch_bounds(v_lease.run_id, v_lease.batch, p_lease);
        v_fits := p_first = coalesce(v_lease.stored_to + 1, v_batch.first_record) AND p_first <= p_end AND p_end < v_batch.last_record;
        IF v_fits IS NOT TRUE THEN
            RAISE EXCEPTION 'lease %: the records % to % are not the next ones of its batch', p_lease, p_first, p_end
                USING ERRCODE = 'CH002';
        END IF;
        UPDATE chancery.leases l SET stored_to = p_end WHERE l.id = p_lease;
    ELSE
        EXECUTE format('SELECT chancery.%I($1, $2, $3, $4, $5, $6)', 'batch_sign_' || v_lease.run_id)
           INTO STRICT v_fits USING v_lease.batch, p_lease, v_lease.stored_to, p_first, p_end, p_library;
        IF NOT v_fits THEN
            RAISE EXCEPTION 'lease % does not cover its batch: records % to % were given last', p_lease, p_first, p_end
                USING ERRCODE = 'CH002';
        END IF;
    END IF;
    INSERT INTO chancery.signature_blocks (first_record, last_record, lease_id, run_id, signatures)
    VALUES (p_first, p_end, p_lease, v_lease.run_id, p_signatures);
END
$$;

GRANT EXECUTE ON FUNCTION chancery.batch_store(bigint, bytea, bigint, bigint, bytea, boolean, chancery.signing_library) TO chancery_signer;
