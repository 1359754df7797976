-- Gives a run, and the ring that it has to itself, to another object: to the one that names p_former, the object it was
-- made for. False when it has become somebody else's meanwhile.
--
-- p_claimed: a run of the time before this was kept, which the object says it was made for. Then it is not taken over
-- from anybody.
--
-- Raises CH020 when the run signs with a named ring of another namespace, which p_adopt_keyring does not name the object
-- of (keyring_own).
CREATE OR REPLACE FUNCTION chancery.run_adopt(
    p_run integer, p_former uuid, p_object chancery.object, p_adopt_keyring uuid, p_claimed boolean) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run record;
BEGIN
    SELECT r.namespace, k.id AS keyring, k.name AS keyring_name INTO v_run
      FROM chancery.runs r JOIN chancery.keyrings k ON k.id = r.keyring_id WHERE r.id = p_run;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF v_run.keyring_name IS NOT NULL THEN
        PERFORM chancery.keyring_name_turn(v_run.namespace, v_run.keyring_name);
    END IF;
    UPDATE chancery.runs r
       SET namespace_uid = p_object.namespace_uid, object_uid = p_object.object_uid,
           adopted_from = CASE WHEN p_claimed THEN r.adopted_from ELSE p_former END,
           adopted_at = CASE WHEN p_claimed THEN r.adopted_at ELSE clock_timestamp() END
     WHERE r.id = p_run AND r.object_uid = p_former AND (NOT p_claimed OR r.namespace_uid IS NULL);
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF v_run.keyring_name IS NOT NULL THEN
        PERFORM chancery.keyring_own(v_run.keyring, p_object, p_adopt_keyring);
    ELSE
        UPDATE chancery.keyrings k
           SET namespace_uid = p_object.namespace_uid, object_uid = p_object.object_uid
         WHERE k.id = v_run.keyring;
    END IF;
    RETURN true;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.run_adopt(integer, uuid, chancery.object, uuid, boolean) TO chancery_operator;
