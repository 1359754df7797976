-- The ring that a new run signs with: the one of that name in the run's namespace, made now if there is none;
-- or, without a name, a new ring that goes with the run.
--
-- p_algorithm, p_key_size, p_key_count, p_envelope and p_content_type are what the run asks for; null leaves the choice to the ring
-- that is there. A ring that is made takes p_default_algorithm and p_default_key_size where nothing is asked for, the payload itself as
-- envelope, and the identity p_uid, to which its data key is bound: p_data_key, wrapped by the KEK of p_kek_fingerprint.
--
-- A ring that is there has to belong to the namespace of p_object, or be taken over by it: keyring_own, which raises CH020.
-- It is looked at first, so that nobody is told what another's ring is like.
--
-- Raises CH003 when the ring that is there is another one than is asked for, and CH004 when there is none and
-- the run does not say how many keys to make.
CREATE OR REPLACE FUNCTION chancery.keyring_find_or_create(
    p_namespace text, p_name text,
    p_uid uuid, p_data_key_fingerprint text, p_data_key bytea, p_kek_fingerprint text,
    p_algorithm chancery.algorithm, p_key_size integer, p_key_count integer,
    p_default_algorithm chancery.algorithm, p_default_key_size integer,
    p_envelope chancery.envelope, p_content_type text,
    p_object chancery.object, p_adopt uuid, OUT keyring integer, OUT made boolean)
LANGUAGE plpgsql AS $$
DECLARE
    v_ring chancery.keyrings%ROWTYPE;
BEGIN
    made := false;
    IF p_name IS NOT NULL THEN
        PERFORM chancery.keyring_name_turn(p_namespace, p_name);
        SELECT * INTO v_ring FROM chancery.keyrings k WHERE k.namespace = p_namespace AND k.name = p_name;
        IF FOUND THEN
            PERFORM chancery.keyring_own(v_ring.id, p_object, p_adopt);
            IF coalesce(p_algorithm <> v_ring.algorithm, false)
               OR coalesce(p_key_size IS DISTINCT FROM v_ring.key_size AND p_key_size IS NOT NULL, false)
               OR coalesce(p_key_count <> v_ring.key_count, false)
               OR coalesce(p_envelope <> v_ring.envelope, false)
               OR (p_content_type IS NOT NULL AND p_content_type IS DISTINCT FROM v_ring.content_type) THEN
                RAISE EXCEPTION '%', concat_ws(', ',
                    'algorithm ' || v_ring.algorithm, 'keySize ' || v_ring.key_size, 'keyCount ' || v_ring.key_count,
                    'envelope ' || v_ring.envelope, 'contentType ' || v_ring.content_type)
                    USING ERRCODE = 'CH003';
            END IF;
            keyring := v_ring.id;
            RETURN;
        END IF;
    END IF;
    IF p_key_count IS NULL THEN
        RAISE EXCEPTION 'there is no keyring %/%', p_namespace, p_name USING ERRCODE = 'CH004';
    END IF;
    INSERT INTO chancery.keyrings (uid, namespace, name, algorithm, key_size, key_count, envelope, content_type, data_key_fingerprint,
                                   namespace_uid, object_uid)
    VALUES (p_uid, p_namespace, p_name, coalesce(p_algorithm, p_default_algorithm),
            coalesce(p_key_size, p_default_key_size), p_key_count, coalesce(p_envelope, 'Raw'), p_content_type, p_data_key_fingerprint,
            p_object.namespace_uid, p_object.object_uid)
    RETURNING id INTO keyring;
    INSERT INTO chancery.data_keys (keyring_id, wrapped, kek_fingerprint)
    VALUES (keyring, p_data_key, p_kek_fingerprint);
    made := true;
END
$$;
