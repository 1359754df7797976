-- Which keys a signer may make for the ring of its run.
--
-- answer:
--   missing    numbers has some of those that the ring lacks: at least one, p_most of them at the most
--   filled     the ring has all its keys
--   suspended, deleted, complete, unknown   nobody makes keys for such a run: see lease_acquire
--
-- The numbers begin after p_after, which each caller chooses at random. A number is nobody's until its key is there: of two
-- signers that make the same key, one has made it in vain. A claim would have to run out when its signer dies.
CREATE OR REPLACE FUNCTION chancery.keys_missing(
    p_run integer, p_run_uid uuid, p_after integer, p_most integer, OUT answer text, OUT numbers integer[])
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_ring chancery.keyrings%ROWTYPE;
BEGIN
    IF p_after < 0 OR p_most < 1 OR p_most > 256 THEN
        RAISE EXCEPTION 'keys_missing tells at least 1 and at most 256 numbers, after one from 0 on'
            USING ERRCODE = 'check_violation';
    END IF;
    IF chancery.run_of_session() IS DISTINCT FROM p_run THEN
        answer := 'unknown';
        RETURN;
    END IF;
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    answer := chancery.run_refusal(v_run);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT * INTO STRICT v_ring FROM chancery.keyrings k WHERE k.id = v_run.keyring_id;
    IF v_ring.filled_at IS NOT NULL THEN
        answer := 'filled';
        RETURN;
    END IF;
    numbers := chancery.key_numbers_missing(v_ring.id, v_ring.key_count, p_after, p_most);
    answer := 'missing';
END
$$;

GRANT EXECUTE ON FUNCTION chancery.keys_missing(integer, uuid, integer, integer) TO chancery_signer;
