-- Removes what is left of a run once its own tables are gone. A ring that the run had to itself goes with it. A ring
-- with a name goes on, and keeps the run's leases in its log: a lease that is still open holds its key until it runs
-- out, and no use sequence is given out twice.
CREATE OR REPLACE FUNCTION chancery.run_remove(p_run integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_policy bytea := (SELECT r.policy_hash FROM chancery.runs r WHERE r.id = p_run);
    v_keyring integer;
    v_named boolean;
    v_turn record;
BEGIN
    SELECT r.keyring_id, k.name IS NOT NULL INTO v_keyring, v_named
      FROM chancery.runs r JOIN chancery.keyrings k ON k.id = r.keyring_id WHERE r.id = p_run;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    EXECUTE format('DROP FUNCTION IF EXISTS chancery.%I, chancery.%I', 'batch_claim_' || p_run, 'batch_sign_' || p_run);
    -- The turn before the row: lease_acquire marks a run complete in the ring's turn.
    v_turn := chancery.keyring_turn(v_keyring);
    IF v_named THEN
        INSERT INTO chancery.deleted_runs (run_id, keyring_id, namespace, name, last_use, deleted_at)
        SELECT r.id, r.keyring_id, r.namespace, r.name, v_turn.last_use, v_turn.instant
          FROM chancery.runs r WHERE r.id = p_run;
        DELETE FROM chancery.runs r WHERE r.id = p_run;
        DELETE FROM chancery.batch_roots b WHERE b.run_id = p_run;
        PERFORM chancery.policy_forget(v_policy);
        RETURN;
    END IF;
    DELETE FROM chancery.runs r WHERE r.id = p_run;
    DELETE FROM chancery.batch_roots b WHERE b.run_id = p_run;
    PERFORM chancery.keyring_remove(v_keyring);
    PERFORM chancery.policy_forget(v_policy);
END
$$;

GRANT EXECUTE ON FUNCTION chancery.run_remove(integer) TO chancery_operator;
