-- Adds a key that a signer has made to the ring of its run: see key_join.
--
-- answer:
--   added      the key is in the ring, and may be chosen
--   taken      another was first to make the key of this number
--   filled     the ring has all its keys: signers add none to it
--   suspended, deleted, complete, unknown   nothing is added for such a run: see lease_acquire
--
-- Whether the public part is that of the private part, nobody can tell here: whoever leases the key does
-- (belongs_to), and the audit, by the signatures.
CREATE OR REPLACE FUNCTION chancery.key_add(
    p_run integer, p_run_uid uuid, p_key uuid, p_number integer, p_public_key bytea, p_wrapped_key bytea) RETURNS text
LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_ring chancery.keyrings%ROWTYPE;
    v_refusal text;
BEGIN
    IF chancery.run_of_session() IS DISTINCT FROM p_run THEN
        RETURN 'unknown';
    END IF;
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    v_refusal := chancery.run_refusal(v_run);
    IF v_refusal IS NOT NULL THEN
        RETURN v_refusal;
    END IF;
    -- What a ring is like never changes. So this is said before anybody waits for it.
    SELECT * INTO STRICT v_ring FROM chancery.keyrings k WHERE k.id = v_run.keyring_id;
    IF p_number NOT BETWEEN 1 AND v_ring.key_count THEN
        RAISE EXCEPTION 'the ring has the keys 1 to %, and no key %', v_ring.key_count, p_number
            USING ERRCODE = 'check_violation';
    END IF;
    IF chancery.key_fits(v_ring.algorithm, v_ring.key_size, p_public_key, p_wrapped_key) IS NOT TRUE THEN
        RAISE EXCEPTION 'a key of the ring has not % bytes in public and % in private',
            octet_length(p_public_key), octet_length(p_wrapped_key) USING ERRCODE = 'check_violation';
    END IF;
    -- A ring that is full stays so: nobody takes its turn to be told of it.
    IF v_ring.filled_at IS NOT NULL THEN
        RETURN 'filled';
    END IF;

    PERFORM chancery.keyring_turn(v_ring.id);
    -- Again, because waiting for the turn may have taken long. From here on until we commit nobody removes the run, and
    -- nobody else adds a key.
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    v_refusal := chancery.run_refusal(v_run);
    IF v_refusal IS NOT NULL THEN
        RETURN v_refusal;
    END IF;
    IF EXISTS (SELECT FROM chancery.keyrings k WHERE k.id = v_ring.id AND k.filled_at IS NOT NULL) THEN
        RETURN 'filled';
    END IF;
    RETURN CASE WHEN chancery.key_join(v_ring.id, p_key, p_number, p_public_key, p_wrapped_key)
                THEN 'added' ELSE 'taken' END;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.key_add(integer, uuid, uuid, integer, bytea, bytea) TO chancery_signer;
