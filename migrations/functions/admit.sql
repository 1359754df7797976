-- Admits what was read of a split, from p_position up to p_next, in one transaction with that position: what is admitted
-- is never read again, and what is not stays to be read. The only way by which a payload from outside becomes a record.
--
-- answer:
--   admitted   the counts, and start_at: from where the caller reads on. `done` when the split has been read to its end
--   full       the run has the most records that it may have: what lies at start_at or behind it was not offered
--   held       the database has no room for more for now: nothing was admitted
--   moved      the split is read to somewhere else than p_position, or is another reader's: nothing was admitted
--   sealed, suspended, too_many_dead, deleted, unknown   nothing is admitted to such a run: see intake_next
--
-- p_payloads are in the order of p_positions, and dead letters in that of p_dead_positions. All positions are different,
-- and from p_position on, before p_next. p_key: what the reader needs beside p_next to go on from there; empty where that
-- says all. p_done: nothing comes after p_next.
--
-- A payload is known by its SHA-256, computed here: whoever admits is not believed. Of a run that names payloads by an
-- expression, p_identities are its values, one for each payload, and it is known by identity_digest of that: what an expression yields
-- is not looked into here. Of the same ones, the first of the ring is a record, and the others are duplicates of that.
--
-- Runs that share a ring insert digests at the same time, each in the order of the digests, so that no two wait for
-- each other. Whoever comes second waits for the first one's commit.
--
-- The commit does not wait for the disk: should the server crash, the position is lost together with the records, and they
-- are read again. Nothing is signed before (records_fetch), and sealing waits.
CREATE OR REPLACE FUNCTION chancery.admit(
    p_source integer, p_split integer, p_token bytea, p_position bigint, p_next bigint, p_key text, p_done boolean,
    p_payloads bytea[], p_positions bigint[], p_identities bytea[],
    p_dead_positions bigint[], p_stages text[], p_reasons text[], p_raws bytea[],
    OUT answer text, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT start_at bigint, OUT done boolean)
LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_intake chancery.intakes%ROWTYPE;
    v_split chancery.splits%ROWTYPE;
    v_base bigint;
    v_room bigint;
    v_bytes bigint;
    v_last bigint;
    v_by chancery.idempotency;
    v_digests bytea[];
    v_identities bytea[];
BEGIN
    PERFORM chancery.admit_check(p_position, p_next, p_payloads, p_positions, p_identities, p_dead_positions, p_stages, p_reasons, p_raws);
    v_run.id := chancery.intake_of_session();
    IF v_run.id IS NULL THEN
        answer := 'unknown';
        RETURN;
    END IF;
    -- Before the turn, so that two readers hash at the same time; how duplicates are known never changes.
    SELECT i.idempotency INTO v_by FROM chancery.intakes i WHERE i.run_id = v_run.id;
    IF cardinality(p_identities) <> (CASE v_by WHEN 'Expression' THEN cardinality(p_payloads) ELSE 0 END) THEN
        RAISE EXCEPTION 'each payload needs an identity in a run that names payloads by an expression, and none in another'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_by <> 'None' THEN
        v_digests := ARRAY (SELECT sha256(unnest(p_payloads)));
    END IF;
    IF v_by = 'Expression' THEN
        v_identities := ARRAY (SELECT chancery.identity_digest(p.identity) FROM unnest(p_identities) AS p (identity));
    END IF;
    PERFORM chancery.run_turn(v_run.id);
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = v_run.id;
    answer := chancery.intake_refusal(v_run);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT * INTO v_split FROM chancery.splits t
     WHERE t.run_id = v_run.id AND t.source = p_source AND t.split = p_split AND t.done_at IS NULL
       AND t.token_hash = sha256(p_token) AND t.position = p_position
       FOR UPDATE;
    IF NOT FOUND THEN
        answer := 'moved';
        RETURN;
    END IF;
    SELECT * INTO STRICT v_intake FROM chancery.intakes i WHERE i.run_id = v_run.id;
    IF v_intake.held IS NOT NULL THEN
        answer := 'held';
        RETURN;
    END IF;
    SELECT a.records INTO STRICT v_base FROM chancery.admissions a WHERE a.run_id = v_run.id;
    v_room := coalesce(v_intake.record_limit, 9223372036854775807) - v_base;
    start_at := p_position;
    IF v_room = 0 THEN
        answer := 'full';
        RETURN;
    END IF;

    SELECT m.admitted, m.duplicates, m.bytes, m.last_position INTO admitted, duplicates, v_bytes, v_last
      FROM chancery.admit_payloads(v_run.id, v_run.keyring_id, v_digests, v_identities, v_base, v_room,
                                   p_source, p_split, p_payloads, p_positions, v_intake.duplicates > 0) m;
    answer := CASE WHEN admitted = v_room THEN 'full' ELSE 'admitted' END;
    start_at := p_next;
    IF answer = 'full' THEN
        -- Whatever is behind the last record was not offered.
        start_at := coalesce((SELECT min(b.position) FROM (
                                  SELECT unnest(p_positions) AS position
                                  UNION ALL SELECT unnest(p_dead_positions)) b
                               WHERE b.position > v_last), p_next);
    END IF;
    done := p_done AND start_at = p_next;
    dead := 0;
    IF cardinality(p_dead_positions) > 0 THEN
        INSERT INTO chancery.arrivals (source, split, position, run_id, state, stage, reason, raw, arrived_at)
        SELECT p_source, p_split, d.position, v_run.id, 'Dead', d.stage, d.reason, d.raw, clock_timestamp()
          FROM unnest(p_dead_positions, p_stages, p_reasons, p_raws) AS d (position, stage, reason, raw)
         WHERE d.position < start_at;
        GET DIAGNOSTICS dead = ROW_COUNT;
    END IF;

    UPDATE chancery.splits t
       SET position = start_at, position_key = CASE WHEN start_at = p_next THEN nullif(p_key, '') END, received = t.received + admit.admitted + admit.duplicates + admit.dead,
           admitted = t.admitted + admit.admitted, duplicates = t.duplicates + admit.duplicates, dead = t.dead + admit.dead,
           attempts = 0, not_before = NULL, last_error = NULL,
           done_at = CASE WHEN admit.done THEN clock_timestamp() END,
           holder = CASE WHEN NOT admit.done THEN t.holder END,
           token_hash = CASE WHEN NOT admit.done THEN t.token_hash END,
           expires_at = CASE WHEN NOT admit.done THEN clock_timestamp() + v_run.lease_duration END
     WHERE t.run_id = v_run.id AND t.source = p_source AND t.split = p_split;
    UPDATE chancery.intakes i
       SET received = i.received + admit.admitted + admit.duplicates + admit.dead, admitted = i.admitted + admit.admitted,
           duplicates = i.duplicates + admit.duplicates, dead = i.dead + admit.dead,
           payload_bytes = i.payload_bytes + v_bytes,
           sweep_at = CASE WHEN admit.dead = 0 THEN i.sweep_at
                           ELSE coalesce(i.sweep_at, clock_timestamp() + i.dead_retention) END
     WHERE i.run_id = v_run.id;
    IF v_intake.dead + dead > v_intake.dead_limit THEN
        UPDATE chancery.runs r SET too_many_dead = true WHERE r.id = v_run.id;
    END IF;
    PERFORM chancery.batches_close(v_run.id, v_base + admitted);
    PERFORM set_config('synchronous_commit', 'off', true);
END
$$;

GRANT EXECUTE ON FUNCTION chancery.admit(
    integer, integer, bytea, bigint, bigint, text, boolean, bytea[], bigint[], bytea[], bigint[], text[], text[],
    bytea[]) TO chancery_intake;
