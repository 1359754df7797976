-- Takes a key out of its ring, in a turn of the ring: from that turn on it is not chosen any more. A lease of it
-- that is open goes on to its end, and its signatures stay verifiable. False when the key is not active.
CREATE OR REPLACE FUNCTION chancery.key_retire(p_key uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_keyring integer;
    v_turn record;
BEGIN
    SELECT k.keyring_id INTO v_keyring FROM chancery.keys k WHERE k.id = p_key;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    v_turn := chancery.keyring_turn(v_keyring);
    UPDATE chancery.keys k SET state = 'retired', retired_use = v_turn.last_use, retired_at = v_turn.instant
     WHERE k.id = p_key AND k.state = 'active';
    RETURN FOUND;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.key_retire(uuid) TO chancery_operator;
