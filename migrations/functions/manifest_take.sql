-- Gives a delivery the manifest of a sink that has each batch of its run, for p_seconds: see delivery_take.
--
-- task:
--   manifest   with its number, and how often the sink refused it
--   wait       somebody else has it, it was put off, or the statements about the run are not made yet: ask again after `seconds`
--   done       the sink has it, it was given up, or there is none
CREATE OR REPLACE FUNCTION chancery.manifest_take(
    p_run integer, p_sink integer, p_holder text, p_token_hash bytea, p_seconds double precision,
    OUT task text, OUT number integer, OUT attempts integer, OUT seconds double precision)
LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz;
    v_manifest chancery.manifests%ROWTYPE;
BEGIN
    -- Without any lock, for whoever is told `done` takes the ring's turn next.
    SELECT * INTO v_manifest FROM chancery.manifests m WHERE m.run_id = p_run AND m.sink = p_sink;
    IF v_manifest.run_id IS NULL OR v_manifest.ended_at IS NOT NULL THEN
        task := 'done';
        RETURN;
    END IF;
    -- Whoever takes up a dead letter again holds this row, and gives the manifest another number: it says what is so before, or after.
    PERFORM FROM chancery.sinks s WHERE s.run_id = p_run AND s.sink = p_sink FOR NO KEY UPDATE;
    SELECT * INTO v_manifest FROM chancery.manifests m WHERE m.run_id = p_run AND m.sink = p_sink FOR UPDATE;
    -- It may have waited.
    v_now := clock_timestamp();
    IF v_manifest.run_id IS NULL OR v_manifest.ended_at IS NOT NULL
       OR EXISTS (SELECT FROM chancery.sinks s WHERE s.run_id = p_run AND s.sink = p_sink
                     AND s.delivered + s.dead < (SELECT a.batches FROM chancery.admissions a WHERE a.run_id = p_run)) THEN
        task := 'wait';
        seconds := 0.05;
    ELSIF v_manifest.stated AND NOT EXISTS (SELECT FROM chancery.statements t JOIN chancery.runs r ON r.uid = t.run_uid
                                             WHERE r.id = p_run AND t.kind = 'Signed') THEN
        task := 'wait';
        seconds := 0.5;
    -- What was put off by a clock that has been set back since is due.
    ELSIF v_manifest.not_before > v_now AND v_manifest.put_off_at <= v_now THEN
        task := 'wait';
        seconds := least(greatest(extract(epoch FROM v_manifest.not_before - v_now), 0.05), 2);
    ELSE
        UPDATE chancery.manifests m
           SET holder = p_holder, token_hash = p_token_hash, not_before = v_now + make_interval(secs => least(greatest(p_seconds, 1), 3600)),
               put_off_at = v_now
         WHERE m.run_id = p_run AND m.sink = p_sink;
        task := 'manifest';
        number := v_manifest.number;
        attempts := v_manifest.attempts;
    END IF;
END
$$;
