-- Refuses a run that is beyond what its namespace may have. Called by run_create once its row and its ring are there, and
-- counted in the namespace's turn: of two runs at once, the second counts the first.
--
-- * run_bytes: what the run will take in the database (chancery.run_bytes). What a run with sources will take nobody knows
--   beforehand: it counts with what it has.
-- * key_bits: the bits of the keys that it has made. RSA counts the bits of the modulus, all others 256 per key. A
--   ring that was there before costs nothing.
-- * namespace_runs: runs of the namespace that are in the ledger, whatever became of their SigningRuns.
-- * namespace_bytes: what those will take in all.
--
-- And one whose signatures of a batch have more than 64 MiB, whatever the limits: a signer holds all of them in memory.
--
-- Raises CH021 with a sentence: what is asked for, what is allowed, who can change that.
CREATE OR REPLACE FUNCTION chancery.run_admit(p_run integer, p_made_ring boolean, p_limits chancery.limits) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_run record;
    v_bits bigint;
    v_held record;
    v_refusal text;
BEGIN
    SELECT r.namespace, k.key_count, k.key_size, k.algorithm, r.batch_size, s.bytes AS signature_bytes,
           chancery.run_bytes(g.record_count, g.record_count, g.record_size, r.batch_size, s.bytes) AS bytes
      INTO STRICT v_run
      FROM chancery.runs r
      JOIN chancery.keyrings k ON k.id = r.keyring_id
     CROSS JOIN LATERAL chancery.signature_bytes(k.algorithm, k.key_size, k.envelope) AS s (bytes)
      LEFT JOIN chancery.generated_sources g ON g.run_id = r.id
     WHERE r.id = p_run;
    IF v_run.batch_size * v_run.signature_bytes > 67108864 THEN
        RAISE EXCEPTION 'the signatures of a batch would have %, and a signer holds 64 MiB of them at the most; give a batchSize of at most % with %',
            chancery.bytes_text(v_run.batch_size * v_run.signature_bytes), 67108864 / v_run.signature_bytes, v_run.algorithm
            USING ERRCODE = 'CH021';
    END IF;
    IF p_limits IS NULL THEN
        RETURN;
    END IF;
    v_bits := CASE WHEN p_made_ring THEN v_run.key_count::bigint * coalesce(v_run.key_size, 256) ELSE 0 END;
    IF v_run.bytes > p_limits.run_bytes THEN
        v_refusal := format(
            'the run would take %s of the database, and one run may take %s; make it smaller, or ask whoever installed Chancery to raise limits.bytesPerRun of the chart''s values',
            chancery.bytes_text(v_run.bytes), chancery.bytes_text(p_limits.run_bytes));
    ELSIF v_bits > p_limits.key_bits THEN
        v_refusal := format(
            'the run asks for %s keys of %s bits, %s bits in all, and one run may have %s bits made; ask for fewer keys, shorter ones or another algorithm (all but RSA count 256 bits per key), or ask whoever installed Chancery to raise limits.keyBitsPerRun of the chart''s values',
            v_run.key_count, coalesce(v_run.key_size, 256), v_bits, p_limits.key_bits);
    END IF;
    IF v_refusal IS NULL AND (p_limits.namespace_runs IS NOT NULL OR p_limits.namespace_bytes IS NOT NULL) THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('chancery.namespace ' || v_run.namespace, 0));
        SELECT count(*) AS runs, sum(chancery.run_taken(r.id)) AS bytes INTO v_held
          FROM chancery.runs r
         WHERE r.namespace = v_run.namespace;
        IF v_held.runs > p_limits.namespace_runs THEN
            v_refusal := format(
                'the run would be number %s of the namespace in the ledger, which may hold %s, kept ones of deleted SigningRuns among them; delete runs that nobody needs (deletionPolicy Delete, or `chancery delete`), or ask whoever installed Chancery to raise limits.runsPerNamespace of the chart''s values',
                v_held.runs, p_limits.namespace_runs);
        ELSIF v_held.bytes > p_limits.namespace_bytes THEN
            v_refusal := format(
                'the runs of the namespace would take %s of the database with this one, which takes %s, and may take %s, kept ones of deleted SigningRuns among them; delete runs that nobody needs (deletionPolicy Delete, or `chancery delete`), or ask whoever installed Chancery to raise limits.bytesPerNamespace of the chart''s values',
                chancery.bytes_text(v_held.bytes), chancery.bytes_text(v_run.bytes),
                chancery.bytes_text(p_limits.namespace_bytes));
        END IF;
    END IF;
    IF v_refusal IS NOT NULL THEN
        RAISE EXCEPTION '%', v_refusal USING ERRCODE = 'CH021';
    END IF;
END
$$;
