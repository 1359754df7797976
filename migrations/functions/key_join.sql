-- Adds a fresh key to a ring, in a turn of the ring: from that turn on the key may be chosen. It takes its place in
-- the order of use behind all leases there were. False when another caller was first to make the key of this number.
CREATE OR REPLACE FUNCTION chancery.key_join(
    p_keyring integer, p_key uuid, p_number integer, p_public_key bytea, p_wrapped_key bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_turn record;
BEGIN
    v_turn := chancery.keyring_turn(p_keyring);
    INSERT INTO chancery.keys (id, keyring_id, number, last_use, joined_use, joined_at)
    VALUES (p_key, p_keyring, p_number, v_turn.last_use, v_turn.last_use, v_turn.instant)
    ON CONFLICT (keyring_id, number) DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO chancery.key_material (key_id, public_key, wrapped_key)
    VALUES (p_key, p_public_key, p_wrapped_key);
    RETURN true;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.key_join(integer, uuid, integer, bytea, bytea) TO chancery_operator;
