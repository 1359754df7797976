-- Creating a run. Called by the owner only.

-- Creates the run, its keyring and its partitions in one transaction, or finds the run that
-- has this name already; `created` tells which. Two callers at once get the same run.
--
-- A partition is created apart and then attached: ATTACH PARTITION takes SHARE UPDATE EXCLUSIVE
-- on the parent, which lets the signers of other runs go on, where CREATE TABLE … PARTITION OF
-- would stop them all.
--
-- Records and signatures are written once, found by their primary key, and dropped as a whole: there
-- is nothing for autovacuum to collect, and no plan that statistics would make better. Reading
-- them for it would take processor time from signing. (What guards against transaction id
-- wraparound runs all the same.)
CREATE FUNCTION chancery.run_create(
    p_namespace text, p_name text, p_kek_fingerprint text,
    p_record_count bigint, p_record_size integer, p_key_count integer, p_batch_size bigint,
    p_algorithm chancery.algorithm, p_key_size integer, p_lease_duration interval,
    p_suspended boolean, p_seed_chunk bigint
) RETURNS TABLE (run_id integer, created boolean)
LANGUAGE plpgsql AS $$
DECLARE
    v_run integer;
    v_keyring integer;
    v_parent text;
    v_options text;
BEGIN
    -- Runs of one name queue here; the second then finds the first one's run.
    PERFORM pg_advisory_xact_lock(hashtextextended('chancery.run ' || p_namespace || '/' || p_name, 0));
    SELECT r.id INTO v_run FROM chancery.runs r WHERE r.namespace = p_namespace AND r.name = p_name;
    IF FOUND THEN
        RETURN QUERY SELECT v_run, false;
        RETURN;
    END IF;
    INSERT INTO chancery.keyrings (kek_fingerprint) VALUES (p_kek_fingerprint) RETURNING id INTO v_keyring;
    INSERT INTO chancery.runs (namespace, name, keyring_id, record_count, record_size, key_count,
                               batch_size, algorithm, key_size, lease_duration, suspended, seed_chunk)
    VALUES (p_namespace, p_name, v_keyring, p_record_count, p_record_size, p_key_count,
            p_batch_size, p_algorithm, p_key_size, p_lease_duration, p_suspended, p_seed_chunk)
    RETURNING id INTO v_run;
    FOREACH v_parent IN ARRAY ARRAY['records', 'batches', 'signatures'] LOOP
        v_options := CASE WHEN v_parent <> 'batches'
                          THEN 'WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false)' ELSE '' END;
        EXECUTE format('CREATE TABLE chancery.%I (LIKE chancery.%I INCLUDING ALL) %s',
                       v_parent || '_' || v_run, v_parent, v_options);
        EXECUTE format('ALTER TABLE chancery.%I ATTACH PARTITION chancery.%I FOR VALUES IN (%s)',
                       v_parent, v_parent || '_' || v_run, v_run);
    END LOOP;
    RETURN QUERY SELECT v_run, true;
END
$$;

-- Seeds one chunk of a run: its records, fresh random bytes each, and the batches that begin in
-- it. False when the chunk had been seeded already. Two callers at once: the second waits at the
-- chunk's row for the first and then finds nothing to do.
--
-- The bytes are SHA-512 in counter mode under a secret of 244 random bits that is thrown away:
-- what the database's own generator gives at a fraction of its cost, without an extension.
CREATE FUNCTION chancery.run_seed_chunk(p_run integer, p_chunk bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_first bigint;
    v_last bigint;
    v_secret bytea := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
    v_bytes bytea;
BEGIN
    SELECT * INTO STRICT v_run FROM chancery.runs r WHERE r.id = p_run;
    INSERT INTO chancery.seed_chunks (run_id, chunk) VALUES (p_run, p_chunk) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    v_first := (p_chunk - 1) * v_run.seed_chunk + 1;
    v_last := least(p_chunk * v_run.seed_chunk, v_run.record_count);
    IF v_first > v_last THEN
        RAISE EXCEPTION 'run % has no chunk %', p_run, p_chunk USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT string_agg(sha512(v_secret || int8send(block)), ''::bytea) INTO v_bytes
      FROM generate_series(1, ((v_last - v_first + 1) * v_run.record_size + 63) / 64) block;
    INSERT INTO chancery.records (record, run_id, payload)
    SELECT n, p_run, substring(v_bytes FROM ((n - v_first) * v_run.record_size + 1)::integer FOR v_run.record_size)
      FROM generate_series(v_first, v_last) n;
    INSERT INTO chancery.batches (batch, run_id, first_record, last_record)
    SELECT b, p_run, (b - 1) * v_run.batch_size + 1, least(b * v_run.batch_size, v_run.record_count)
      FROM generate_series((v_first + v_run.batch_size - 2) / v_run.batch_size + 1,
                           (v_last + v_run.batch_size - 1) / v_run.batch_size) b;
    RETURN true;
END
$$;
