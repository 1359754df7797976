-- The ring that a new run signs with: the one of that name in the run's namespace, made now if there is none;
-- or, without a name, a new ring that goes with the run.
--
-- p_algorithm, p_key_size and p_key_count are what the run asks for; null leaves the choice to the ring that
-- is there. A ring that is made takes p_default_algorithm and p_default_key_size where nothing is asked for, and the
-- identity p_uid, to which its data key is bound: p_data_key, wrapped by the KEK of p_kek_fingerprint.
--
-- Raises CH003 when the ring that is there is another one than is asked for, and CH004 when there is none and
-- the run does not say how many keys to make.
CREATE OR REPLACE FUNCTION chancery.keyring_find_or_create(
    p_namespace text, p_name text,
    p_uid uuid, p_data_key_fingerprint text, p_data_key bytea, p_kek_fingerprint text,
    p_algorithm chancery.algorithm, p_key_size integer, p_key_count integer,
    p_default_algorithm chancery.algorithm, p_default_key_size integer
) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_ring chancery.keyrings%ROWTYPE;
BEGIN
    IF p_name IS NOT NULL THEN
        -- Runs that name one ring queue here, and so does its deletion.
        PERFORM pg_advisory_xact_lock(hashtextextended('chancery.keyring ' || p_namespace || '/' || p_name, 0));
        SELECT * INTO v_ring FROM chancery.keyrings k WHERE k.namespace = p_namespace AND k.name = p_name;
        IF FOUND THEN
            IF coalesce(p_algorithm <> v_ring.algorithm, false)
               OR coalesce(p_key_size IS DISTINCT FROM v_ring.key_size AND p_key_size IS NOT NULL, false)
               OR coalesce(p_key_count <> v_ring.key_count, false) THEN
                RAISE EXCEPTION '%', concat_ws(', ',
                    'algorithm ' || v_ring.algorithm, 'keySize ' || v_ring.key_size, 'keyCount ' || v_ring.key_count)
                    USING ERRCODE = 'CH003';
            END IF;
            RETURN v_ring.id;
        END IF;
    END IF;
    IF p_key_count IS NULL THEN
        RAISE EXCEPTION 'there is no keyring %/%', p_namespace, p_name USING ERRCODE = 'CH004';
    END IF;
    INSERT INTO chancery.keyrings (uid, namespace, name, algorithm, key_size, key_count, data_key_fingerprint)
    VALUES (p_uid, p_namespace, p_name, coalesce(p_algorithm, p_default_algorithm),
            coalesce(p_key_size, p_default_key_size), p_key_count, p_data_key_fingerprint)
    RETURNING * INTO v_ring;
    INSERT INTO chancery.data_keys (keyring_id, wrapped, kek_fingerprint)
    VALUES (v_ring.id, p_data_key, p_kek_fingerprint);
    RETURN v_ring.id;
END
$$;
