-- Stores signatures of the lease's batch, for consecutive records from p_first on. With p_last
-- the batch is complete: the lease is closed and the batch marked signed in the same
-- transaction. Raises CH001 when the lease is no longer the caller's, or never was; then nothing
-- is stored.
--
-- The key itself goes back to the ring at the next turn of the keyring, which alone decides
-- instants; so a store neither waits for a turn nor makes one wait for the disk.
CREATE OR REPLACE FUNCTION chancery.batch_store(
    p_lease bigint, p_token bytea, p_first bigint, p_signatures bytea[], p_last boolean)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
DECLARE
    v_lease record;
    v_end bigint := p_first + cardinality(p_signatures) - 1;
BEGIN
    IF p_last THEN
        UPDATE chancery.leases l SET outcome = 'signed', signed_at = clock_timestamp(), token_hash = NULL
         WHERE l.id = p_lease AND l.token_hash = sha256(p_token) AND (l.outcome IS NULL) IS TRUE RETURNING l.run_id, l.batch INTO v_lease;
    ELSE
        -- Locked to the end of the transaction, so that nobody takes over a batch that is being stored.
        SELECT l.run_id, l.batch INTO v_lease FROM chancery.leases l
         WHERE l.id = p_lease AND l.token_hash = sha256(p_token) AND (l.outcome IS NULL) IS TRUE FOR UPDATE;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'lease % is lost', p_lease USING ERRCODE = 'CH001';
    END IF;
    INSERT INTO chancery.signatures (record, lease_id, run_id, signature)
    SELECT p_first + s.position - 1, p_lease, v_lease.run_id, s.signature
      FROM unnest(p_signatures) WITH ORDINALITY AS s (signature, position);
    IF NOT p_last THEN
        RETURN;
    END IF;
    IF NOT chancery.batch_sign(v_lease.run_id, v_lease.batch, p_lease, p_first, v_end) THEN
        RAISE EXCEPTION 'lease % does not cover its batch: records % to % were given last', p_lease, p_first, v_end
            USING ERRCODE = 'CH002';
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.batch_store(bigint, bytea, bigint, bytea[], boolean) TO chancery_signer;
