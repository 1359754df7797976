-- Adds a fresh key to a ring, in a turn of the ring: from that turn on the key may be chosen. It takes its place in
-- the order of use behind all leases there were. False when another caller was first to make the key of this number.
--
-- With the last key that the ring is to have, the ring is marked filled.
CREATE OR REPLACE FUNCTION chancery.key_join(
    p_keyring integer, p_key uuid, p_number integer, p_public_key bytea, p_wrapped_key bytea) RETURNS boolean
LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
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
    UPDATE chancery.keyrings k SET filled_at = clock_timestamp()
     WHERE k.id = p_keyring AND k.filled_at IS NULL
       AND cardinality(chancery.key_numbers_missing(p_keyring, k.key_count, p_number, 1)) = 0;
    RETURN true;
END
$$;
