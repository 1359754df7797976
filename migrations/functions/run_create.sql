-- Creates the run, its ring if need be, its source and its partitions in one transaction, or finds the run that
-- has this name already; `created` tells which. Two callers at once get the same run. One that is found may be another
-- object's: it is not given to this one here (run_adopt).
--
-- With p_sources, its records come from there (run_sources), and p_record_count is the most that are admitted, or null;
-- without, they are generated. p_policy is the text of the policy that judges what they offer, and p_policy_name what it is called; or
-- both are null. With p_sinks, its signed records are brought there (run_sinks), and with p_notifications, somebody is told
-- of what happens to it (run_notifications).
--
-- Raises CH021 for a run that is beyond p_limits (run_admit), and what keyring_find_or_create raises.
--
-- A partition is created apart and then attached: ATTACH PARTITION takes SHARE UPDATE EXCLUSIVE
-- on the parent, which lets the signers of other runs go on, where CREATE TABLE with PARTITION OF
-- would stop them all.
--
-- Records and signatures are written once, found by an index, and dropped as a whole: there
-- is nothing for autovacuum to collect but what was rolled back, and no plan that statistics would make better. Reading
-- them for it would take processor time from signing, so it comes after 50,000 rows, some 100 MB of signatures: whoever
-- stores and rolls back over and over would fill the disk without it.
CREATE OR REPLACE FUNCTION chancery.run_create(
    p_namespace text, p_name text, p_keyring text,
    p_keyring_uid uuid, p_data_key_fingerprint text, p_data_key bytea, p_kek_fingerprint text,
    p_algorithm chancery.algorithm, p_key_size integer, p_key_count integer,
    p_default_algorithm chancery.algorithm, p_default_key_size integer,
    p_envelope chancery.envelope, p_content_type text,
    p_batch_size bigint, p_lease_duration interval, p_suspended boolean,
    p_record_count bigint, p_record_size integer, p_chunk_size bigint,
    p_sources jsonb, p_idempotency chancery.idempotency, p_expression text, p_digest_window interval, p_dead_limit bigint, p_dead_retention interval,
    p_object chancery.object, p_adopt_keyring uuid, p_limits chancery.limits, p_policy_name text, p_policy text, p_sinks jsonb, p_notifications jsonb
) RETURNS TABLE (run_id integer, created boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run integer;
    v_keyring integer;
    v_made_ring boolean;
    v_parent text;
    v_options text;
    v_guards text;
    v_is_pushed boolean := coalesce(jsonb_path_exists(p_sources, '$[*].description.http'), false);
BEGIN
    -- Runs of one name queue here; the second then finds the first one's run.
    PERFORM pg_advisory_xact_lock(hashtextextended('chancery.run ' || p_namespace || '/' || p_name, 0));
    SELECT r.id INTO v_run FROM chancery.runs r WHERE r.namespace = p_namespace AND r.name = p_name;
    IF FOUND THEN
        RETURN QUERY SELECT v_run, false;
        RETURN;
    END IF;
    SELECT f.keyring, f.made INTO v_keyring, v_made_ring
      FROM chancery.keyring_find_or_create(
               p_namespace, p_keyring, p_keyring_uid, p_data_key_fingerprint, p_data_key, p_kek_fingerprint,
               p_algorithm, p_key_size, p_key_count, p_default_algorithm, p_default_key_size,
               p_envelope, p_content_type, p_object, p_adopt_keyring) f;
    IF p_policy IS NOT NULL AND p_sources IS NULL THEN
        RAISE EXCEPTION 'generated records are judged by no policy' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Whoever forgets it at this moment (policy_forget) has done so before it is locked here, or finds the run that names it.
    WHILE p_policy IS NOT NULL LOOP
        INSERT INTO chancery.policies (hash, text, asks)
        VALUES (sha256(convert_to(p_policy, 'UTF8')), p_policy, chancery.policy_asks(p_policy)) ON CONFLICT DO NOTHING;
        PERFORM FROM chancery.policies p WHERE p.hash = sha256(convert_to(p_policy, 'UTF8')) FOR KEY SHARE;
        EXIT WHEN FOUND;
    END LOOP;
    INSERT INTO chancery.runs (namespace, name, keyring_id, batch_size, lease_duration, suspended, namespace_uid, object_uid,
                               policy_name, policy_hash)
    VALUES (p_namespace, p_name, v_keyring, p_batch_size, p_lease_duration, p_suspended,
            p_object.namespace_uid, p_object.object_uid, p_policy_name, sha256(convert_to(p_policy, 'UTF8')))
    RETURNING id INTO v_run;
    INSERT INTO chancery.admissions (run_id) VALUES (v_run);
    IF p_sources IS NULL THEN
        INSERT INTO chancery.generated_sources (run_id, record_count, record_size, chunk_size)
        VALUES (v_run, p_record_count, p_record_size, p_chunk_size);
    END IF;
    PERFORM chancery.run_admit(v_run, v_made_ring, p_limits);
    -- Each signature has the length that the ring gives, and no record is in two blocks: a block is of one batch, no two
    -- begin with the same record, and one that does not begin its batch goes on where another ends (refuse_gap). Where a
    -- batch may be closed before it is full, the numbers of its records do not tell it: there no two ranges may meet. (None is
    -- empty: an empty one would meet nothing, and any number of them would fit.)
    SELECT CASE WHEN v_is_pushed
                THEN format(', CHECK (first_record <= last_record '
                            'AND octet_length(signatures) = (last_record - first_record + 1) * %s), '
                            'EXCLUDE USING gist ((CASE WHEN first_record <= last_record AND last_record < 9223372036854775807 '
                            'THEN int8range(first_record, last_record, ''[]'') END) WITH &&)', b.bytes)
                ELSE format(', UNIQUE (first_record), CHECK '
                            '(chancery.block_is_sound(first_record, last_record, octet_length(signatures), %s, %s))',
                            b.bytes, p_batch_size) END
      INTO STRICT v_guards
      FROM chancery.keyrings k, chancery.signature_bytes(k.algorithm, k.key_size, k.envelope) b (bytes) WHERE k.id = v_keyring;
    FOREACH v_parent IN ARRAY ARRAY['records', 'batches', 'signature_blocks'] LOOP
        v_options := CASE WHEN v_parent <> 'batches'
                          THEN 'WITH (autovacuum_vacuum_threshold = 50000, toast.autovacuum_vacuum_threshold = 50000, '
                               'autovacuum_vacuum_insert_threshold = -1, toast.autovacuum_vacuum_insert_threshold = -1, '
                               'autovacuum_analyze_threshold = 2147483647)' ELSE '' END;
        EXECUTE format('CREATE TABLE chancery.%I (LIKE chancery.%I INCLUDING ALL%s) %s',
                       v_parent || '_' || v_run, v_parent, CASE WHEN v_parent = 'signature_blocks' THEN v_guards END, v_options);
        EXECUTE format('ALTER TABLE chancery.%I ATTACH PARTITION chancery.%I FOR VALUES IN (%s)',
                       v_parent, v_parent || '_' || v_run, v_run);
    END LOOP;
    IF NOT v_is_pushed THEN
        EXECUTE format('CREATE TRIGGER signature_blocks_leave_no_gap AFTER INSERT ON chancery.%I FOR EACH ROW '
                       'WHEN ((NEW.first_record - 1) %% %s <> 0) EXECUTE FUNCTION chancery.refuse_gap()',
                       'signature_blocks_' || v_run, p_batch_size);
    END IF;
    IF p_sinks IS NOT NULL THEN
        PERFORM chancery.run_sinks(v_run, p_sinks);
    END IF;
    IF p_notifications IS NOT NULL THEN
        PERFORM chancery.run_notifications(v_run, p_notifications);
    END IF;
    PERFORM chancery.run_functions(v_run);
    IF p_sources IS NOT NULL THEN
        PERFORM chancery.run_sources(v_run, p_sources, p_idempotency, p_expression, p_digest_window, p_record_count, p_dead_limit, p_dead_retention);
    END IF;
    IF p_notifications IS NOT NULL THEN
        PERFORM chancery.event_started(v_run);
    END IF;
    RETURN QUERY SELECT v_run, true;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.run_create(text, text, text, uuid, text, bytea, text, chancery.algorithm, integer, integer, chancery.algorithm, integer,
    chancery.envelope, text, bigint, interval, boolean, bigint, integer, bigint, jsonb, chancery.idempotency, text, interval, bigint, interval, chancery.object, uuid,
    chancery.limits, text, text, jsonb, jsonb) TO chancery_operator;
