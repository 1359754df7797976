-- Deletes the ring of this name. Returns how many runs it still has: then, nothing is deleted. Null when there is no
-- such ring.
CREATE OR REPLACE FUNCTION chancery.keyring_delete(p_namespace text, p_name text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_keyring integer;
    v_runs bigint;
BEGIN
    -- A run that is being created with this ring comes first, or makes a new one: see keyring_find_or_create.
    PERFORM chancery.keyring_name_turn(p_namespace, p_name);
    SELECT k.id INTO v_keyring FROM chancery.keyrings k WHERE k.namespace = p_namespace AND k.name = p_name;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT count(*) INTO v_runs FROM chancery.runs r WHERE r.keyring_id = v_keyring;
    IF v_runs = 0 THEN
        PERFORM chancery.keyring_turn(v_keyring);
        PERFORM chancery.keyring_remove(v_keyring);
    END IF;
    RETURN v_runs;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.keyring_delete(text, text) TO chancery_operator;
