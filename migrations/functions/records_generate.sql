-- Makes one chunk of a generated source: fresh random bytes per record. False when the chunk had been made
-- already. Two callers at once: the second waits at the chunk's row for the first and then finds nothing to do.
--
-- Chunks may be made in any order, and several at once. The records of a chunk count as admitted once all chunks
-- before it are there; whichever transaction closes the gap admits them.
--
-- The commit does not wait for the disk. Should the server crash, it loses this chunk and what came later, and the chunk
-- is made again. Nothing is signed before: a signer's fetch waits for the disk, and for all that was committed before it
-- (records_fetch); so does the run's sealing.
--
-- The bytes are SHA-512 in counter mode under a secret of 244 random bits that is thrown away:
-- what the database's own generator gives at a fraction of its cost, without an extension.
CREATE OR REPLACE FUNCTION chancery.records_generate(p_run integer, p_chunk bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_source chancery.generated_sources%ROWTYPE;
    v_first bigint;
    v_last bigint;
    v_secret bytea := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
    v_bytes bytea;
    v_admitted bigint;
    v_next bigint;
BEGIN
    SELECT * INTO STRICT v_source FROM chancery.generated_sources g WHERE g.run_id = p_run;
    INSERT INTO chancery.generated_chunks (run_id, chunk) VALUES (p_run, p_chunk) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    v_first := (p_chunk - 1) * v_source.chunk_size + 1;
    v_last := least(p_chunk * v_source.chunk_size, v_source.record_count);
    IF v_first > v_last THEN
        RAISE EXCEPTION 'run % has no chunk %', p_run, p_chunk USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT coalesce(string_agg(sha512(v_secret || int8send(block)), ''::bytea), ''::bytea) INTO v_bytes
      FROM generate_series(1, ((v_last - v_first + 1) * v_source.record_size + 63) / 64) block;
    INSERT INTO chancery.records (record, run_id, payload)
    SELECT n, p_run, substring(v_bytes FROM ((n - v_first) * v_source.record_size + 1)::integer FOR v_source.record_size)
      FROM generate_series(v_first, v_last) n;

    -- Whoever makes the next chunk waits for this commit.
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM chancery.run_turn(p_run);
    SELECT a.records INTO STRICT v_admitted FROM chancery.admissions a WHERE a.run_id = p_run;
    v_next := v_admitted / v_source.chunk_size + 1;
    WHILE EXISTS (SELECT FROM chancery.generated_chunks c WHERE c.run_id = p_run AND c.chunk = v_next) LOOP
        v_next := v_next + 1;
    END LOOP;
    PERFORM chancery.batches_close(p_run, least((v_next - 1) * v_source.chunk_size, v_source.record_count));
    RETURN true;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.records_generate(integer, bigint) TO chancery_operator;
