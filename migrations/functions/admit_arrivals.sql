-- Takes arrivals of a split in, from p_position up to p_next: the only way by which a payload from outside becomes a record,
-- whether it was read (admit) or pushed (records_push). In the run's turn, of a split that is at p_position, and of a run to
-- which something may be admitted; p_run is its row.
--
-- answer: admitted, full or held, as in admit. p_digests are those of the payloads, or null in a run that looks for no
-- duplicates, and p_identities what they are known by, or null where that is their digest. p_judged: see admit_check_judged. What
-- waits for what others say of it is stored as it is (pendings_take); whoever reads has read it.
--
-- p_traced, p_traced_to, p_traces: in which traces they came (admit_traces).
--
-- Beside what waits, all of a call is taken in or nothing: what is full then has admitted nothing (null), and known are the places
-- among p_payloads of those that need no room, since the ring knows them.
CREATE OR REPLACE FUNCTION chancery.admit_arrivals(
    p_run chancery.runs, p_source integer, p_split integer, p_position bigint, p_next bigint, p_key text, p_done boolean,
    p_payloads bytea[], p_positions bigint[], p_digests bytea[], p_identities bytea[],
    p_dead_positions bigint[], p_stages text[], p_reasons text[], p_raws bytea[], p_judged chancery.judgement,
    p_traced bigint[], p_traced_to bigint[], p_traces text[],
    OUT answer text, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT rejected bigint, OUT start_at bigint,
    OUT done boolean, OUT known bigint[])
LANGUAGE plpgsql AS $$
DECLARE
    v_intake chancery.intakes%ROWTYPE;
    v_base bigint;
    v_room bigint;
    v_bytes bigint;
    v_last bigint;
    v_pending bigint := coalesce(cardinality(p_judged.pending), 0);
    v_waits boolean;
    v_new bigint := cardinality(p_payloads);
    v_flagged bigint := 0;
    v_alerts bigint := 0;
BEGIN
    PERFORM chancery.admit_check_judged(p_run.policy_hash, p_positions, p_dead_positions, p_stages, p_judged);
    SELECT * INTO STRICT v_intake FROM chancery.intakes i WHERE i.run_id = p_run.id;
    PERFORM chancery.admit_check_pending(v_intake.idempotency, p_position, p_next, p_positions, p_dead_positions, p_judged);
    IF v_intake.held IS NOT NULL THEN
        answer := 'held';
        RETURN;
    END IF;
    SELECT a.records INTO STRICT v_base FROM chancery.admissions a WHERE a.run_id = p_run.id;
    -- What waits may become a record, and has its room.
    v_room := coalesce(v_intake.record_limit, 9223372036854775807) - v_base - v_intake.pending;
    start_at := p_position;
    v_waits := v_intake.pending + v_pending > 0;
    IF v_waits AND v_new + v_pending > v_room AND v_new > 0 THEN
        SELECT k.places, k.new INTO known, v_new
          FROM chancery.admit_known(p_run.keyring_id, v_new, coalesce(p_identities, p_digests)) k;
    END IF;
    -- What waits may also leave its room again, so it cannot be said yet what is beyond the last record: the caller comes with less.
    IF v_room = 0 AND v_intake.pending = 0 OR v_waits AND v_new + v_pending > v_room THEN
        answer := 'full';
        RETURN;
    END IF;

    SELECT m.admitted, m.duplicates, m.bytes, m.last_position INTO admitted, duplicates, v_bytes, v_last
      FROM chancery.admit_payloads(p_run.id, p_run.keyring_id, p_digests, p_identities, v_base,
                                   CASE WHEN v_waits THEN 9223372036854775807 ELSE v_room END,
                                   p_source, p_split, p_payloads, p_positions, v_intake.duplicates > 0) m;
    IF v_waits AND admitted + v_pending > v_room THEN
        RAISE EXCEPTION 'the ring has forgotten some of these payloads meanwhile' USING ERRCODE = 'serialization_failure';
    END IF;
    answer := CASE WHEN admitted = v_room AND v_intake.pending + v_pending = 0 THEN 'full' ELSE 'admitted' END;
    start_at := p_next;
    IF answer = 'full' THEN
        -- Whatever is behind the last record was not offered.
        start_at := coalesce((SELECT min(b.position) FROM (
                                  SELECT unnest(p_positions) AS position
                                  UNION ALL SELECT unnest(p_dead_positions)) b
                               WHERE b.position > v_last), p_next);
    END IF;
    done := p_done AND start_at = p_next;
    IF cardinality(p_traces) > 0 THEN
        -- Before anything is told of them.
        PERFORM chancery.admit_traces(p_run.id, p_source, p_split, p_position, start_at, p_traced, p_traced_to, p_traces);
    END IF;
    SELECT f.dead, f.rejected INTO dead, rejected
      FROM chancery.admit_refused(p_run.id, p_source, p_split, start_at, p_dead_positions, p_stages, p_judged.rules, p_reasons, p_raws,
                               NULL) f;
    IF v_pending > 0 THEN
        EXECUTE format(
            'INSERT INTO chancery.%I (source, split, position, run_id, payload, name, arrived_at, not_before)
             SELECT $1, $2, p.position, $3, p.payload, p.name, clock_timestamp(), clock_timestamp()
               FROM unnest($4, $5, $6) AS p (position, payload, name)', 'pendings_' || p_run.id)
          USING p_source, p_split, p_run.id, p_judged.pending, p_judged.payloads, p_judged.names;
    END IF;
    IF p_run.policy_hash IS NOT NULL THEN
        SELECT m.flagged, m.alerts INTO v_flagged, v_alerts
          FROM chancery.admit_marks(p_run.id, p_source, p_split, v_base, v_base + admitted, start_at, p_positions, p_judged) m;
    END IF;

    UPDATE chancery.splits t
       SET position = start_at, position_key = CASE WHEN start_at = p_next THEN nullif(p_key, '') END, received = t.received + admit_arrivals.admitted + admit_arrivals.duplicates + admit_arrivals.dead + admit_arrivals.rejected + v_pending,
           pending = t.pending + v_pending,
           admitted = t.admitted + admit_arrivals.admitted, duplicates = t.duplicates + admit_arrivals.duplicates, dead = t.dead + admit_arrivals.dead, rejected = t.rejected + admit_arrivals.rejected,
           attempts = 0, not_before = NULL, last_error = NULL,
           done_at = CASE WHEN admit_arrivals.done THEN clock_timestamp() END,
           holder = CASE WHEN NOT admit_arrivals.done THEN t.holder END,
           token_hash = CASE WHEN NOT admit_arrivals.done THEN t.token_hash END,
           expires_at = CASE WHEN NOT admit_arrivals.done AND t.token_hash IS NOT NULL THEN clock_timestamp() + p_run.lease_duration END
     WHERE t.run_id = p_run.id AND t.source = p_source AND t.split = p_split;
    UPDATE chancery.intakes i
       SET received = i.received + admit_arrivals.admitted + admit_arrivals.duplicates + admit_arrivals.dead + admit_arrivals.rejected + v_pending,
           pending = i.pending + v_pending,
           admitted = i.admitted + admit_arrivals.admitted, duplicates = i.duplicates + admit_arrivals.duplicates,
           dead = i.dead + admit_arrivals.dead, rejected = i.rejected + admit_arrivals.rejected,
           flagged = i.flagged + v_flagged, alerts = i.alerts + v_alerts, ignored = i.ignored + coalesce(p_judged.ignored, 0),
           payload_bytes = i.payload_bytes + v_bytes,
           sweep_at = CASE WHEN admit_arrivals.dead + admit_arrivals.rejected = 0 THEN i.sweep_at
                           ELSE coalesce(i.sweep_at, clock_timestamp() + i.dead_retention) END
     WHERE i.run_id = p_run.id;
    IF v_intake.dead + dead > v_intake.dead_limit THEN
        UPDATE chancery.runs r SET too_many_dead = true WHERE r.id = p_run.id;
    END IF;
    PERFORM chancery.batches_close(p_run.id, v_base + admitted);
END
$$;
