-- Removes the oldest leases of a ring's log, at most p_most of them, and returns how many were removed. What may be
-- forgotten is the longest stretch from the beginning of the log on that is older than every key's last use and every
-- open lease, and holds no lease of a run that is still in the ledger. So the log never has a gap, every key's newest
-- lease stays in it, and what a run was signed under can be audited for as long as the run is there.
--
-- In portions, because it has the ring's turn, and signers of the ring wait for that.
CREATE OR REPLACE FUNCTION chancery.keyring_forget(p_keyring integer, p_most bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_begins bigint;
    v_keep bigint;
    v_needed bigint;
    v_forgotten bigint;
BEGIN
    PERFORM chancery.keyring_turn(p_keyring);
    SELECT k.forgotten_use + 1 INTO v_begins FROM chancery.keyrings k WHERE k.id = p_keyring;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    v_keep := least(
        v_begins + p_most,
        (SELECT coalesce(min(k.last_use), 0) FROM chancery.keys k WHERE k.keyring_id = p_keyring),
        (SELECT min(l.use_sequence) FROM chancery.leases l
          WHERE l.keyring_id = p_keyring AND l.released_at IS NULL));
    SELECT l.use_sequence INTO v_needed FROM chancery.leases l
     WHERE l.keyring_id = p_keyring AND l.use_sequence >= v_begins AND l.use_sequence < v_keep
       AND EXISTS (SELECT FROM chancery.runs r WHERE r.id = l.run_id)
     ORDER BY l.use_sequence LIMIT 1;
    v_keep := least(v_keep, v_needed);
    IF v_keep <= v_begins THEN
        RETURN 0;
    END IF;
    DELETE FROM chancery.leases l
     WHERE l.keyring_id = p_keyring AND l.use_sequence >= v_begins AND l.use_sequence < v_keep;
    GET DIAGNOSTICS v_forgotten = ROW_COUNT;
    UPDATE chancery.keyrings k SET forgotten_use = v_keep - 1 WHERE k.id = p_keyring;
    DELETE FROM chancery.deleted_runs d WHERE d.keyring_id = p_keyring AND d.last_use < v_keep;
    RETURN v_forgotten;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.keyring_forget(integer, bigint) TO chancery_operator;
