-- Sees to it that a ring belongs to the namespace of p_object. One that belongs to another is taken over if p_adopt is
-- the object that it was made for: who knows that may see it. From then on it is the other's no more. In the turn of the
-- ring's name (keyring_find_or_create).
--
-- A ring of the time before this was kept belongs to a namespace of its name that was there before it. `chancery run`
-- uses it as it is: it has the owner's login, and could do anything.
--
-- Raises CH020, with when the ring was made, for a ring of another.
CREATE OR REPLACE FUNCTION chancery.keyring_own(p_keyring integer, p_object chancery.object, p_adopt uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_ring chancery.keyrings%ROWTYPE;
BEGIN
    SELECT * INTO STRICT v_ring FROM chancery.keyrings k WHERE k.id = p_keyring;
    IF v_ring.namespace_uid = p_object.namespace_uid THEN
        RETURN;
    ELSIF v_ring.namespace_uid IS NULL AND p_object.namespace_made IS NULL THEN
        RETURN;
    ELSIF v_ring.namespace_uid IS NULL AND p_object.namespace_made <= v_ring.created_at THEN
        UPDATE chancery.keyrings k SET namespace_uid = p_object.namespace_uid WHERE k.id = p_keyring;
    ELSIF v_ring.object_uid = p_adopt THEN
        UPDATE chancery.keyrings k
           SET namespace_uid = p_object.namespace_uid, object_uid = p_object.object_uid,
               adopted_from = v_ring.object_uid, adopted_at = clock_timestamp()
         WHERE k.id = p_keyring;
    ELSE
        RAISE EXCEPTION '%', to_char(v_ring.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
            USING ERRCODE = 'CH020';
    END IF;
END
$$;
