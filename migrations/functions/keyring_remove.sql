-- Removes a ring that has no run, with its keys and its log. In a turn of the ring.
CREATE OR REPLACE FUNCTION chancery.keyring_remove(p_keyring integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM chancery.leases l WHERE l.keyring_id = p_keyring;
    DELETE FROM chancery.deleted_runs d WHERE d.keyring_id = p_keyring;
    DELETE FROM chancery.keys k WHERE k.keyring_id = p_keyring;
    DELETE FROM chancery.keyrings k WHERE k.id = p_keyring;
END
$$;
