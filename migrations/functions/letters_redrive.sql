-- Takes dead letters of a split up again, in their own run, which is open: each was judged anew, and becomes what it is found to be, at
-- the place where it lay; or it waits for what others say of it, until an intake settles it (pendings_take). It is the same arrival, so
-- nothing more is received, and its split stays where it is. All of them or none.
--
-- answer:
--   taken     the counts of what they became; `act` is the number under which that is written down, to be given with the next call
--             of the same redrive (p_act; 0 for the first)
--   lost      one of them is not dead any more, or not with these bytes: nothing was done
--   full      there is no room for as many records: nothing was done
--   held      the database has no room for more for now: nothing was done
--   sealed, suspended, deleted, unknown   nothing is admitted to such a run: see intake_next. Too many dead letters are no reason.
--
-- p_payloads are at p_positions, and those that are refused once more at p_refused, with stage (null: a rule rejects it) and reason; their
-- bytes are those that the ledger has. p_identities, p_judged: as in admit, with those that wait. The one instant of p_judged holds for all
-- of them.
--
-- The commit waits for the disk: what is answered is there.
CREATE OR REPLACE FUNCTION chancery.letters_redrive(
    p_run integer, p_run_uid uuid, p_act integer, p_actor text, p_selection text, p_source integer, p_split integer,
    p_payloads bytea[], p_positions bigint[], p_identities bytea[], p_refused bigint[], p_stages text[], p_reasons text[],
    p_judged chancery.judgement,
    OUT answer text, OUT act integer, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT rejected bigint, OUT pending bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_intake chancery.intakes%ROWTYPE;
    v_digests bytea[];
    v_identities bytea[];
    v_judged chancery.judgement := p_judged;
    v_waiting bigint[] := coalesce(p_judged.pending, '{}');
    v_all bigint[] := p_positions || p_refused || coalesce(p_judged.pending, '{}');
    v_taken bigint := cardinality(p_positions) + cardinality(p_refused) + coalesce(cardinality(p_judged.pending), 0);
    v_base bigint;
    v_room bigint;
    v_bytes bigint;
    v_count bigint;
    v_raws bytea[];
    v_arrived timestamptz[];
    v_marks record;
BEGIN
    -- Of nothing, a comparison is no refusal.
    IF num_nulls(p_run, p_run_uid, p_act, p_actor, p_selection, p_source, p_split, p_payloads, p_positions, p_identities, p_refused,
                 p_stages, p_reasons) > 0 OR v_taken = 0 THEN
        RAISE EXCEPTION 'letters_redrive takes no null, and one letter at the least' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM chancery.admit_check(0, 9223372036854775807, p_payloads, p_positions, p_identities, p_refused, p_stages, p_reasons,
                                 array_fill(''::bytea, ARRAY[cardinality(p_refused)]));
    -- Before anything waits, is locked or hashed for it, as in records_push; and again behind the turn, which may have taken long.
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    -- To take them up is what such a run needs.
    v_run.too_many_dead := false;
    answer := coalesce(
        chancery.intake_refusal(v_run),
        CASE WHEN NOT EXISTS (SELECT FROM chancery.intakes i WHERE i.run_id = p_run) THEN 'unknown' END);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    -- Before the turn, as in admit.
    SELECT d.digests, d.identities INTO v_digests, v_identities
      FROM chancery.admit_digests(p_run, p_payloads, p_identities, p_judged.originals) d;
    PERFORM chancery.run_turn(p_run);
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    v_run.too_many_dead := false;
    answer := chancery.intake_refusal(v_run);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM chancery.admit_check_judged(v_run.policy_hash, p_positions, p_refused, p_stages, p_judged);
    -- Before any look at what is there: whoever sweeps takes this row first as well.
    SELECT * INTO v_intake FROM chancery.intakes i WHERE i.run_id = p_run FOR UPDATE;
    IF NOT FOUND THEN
        answer := 'unknown';
        RETURN;
    END IF;
    PERFORM chancery.admit_check_pending(v_intake.idempotency, 0, 9223372036854775807, p_positions, p_refused, p_judged);
    IF v_intake.held IS NOT NULL THEN
        answer := 'held';
        RETURN;
    END IF;
    SELECT a.records INTO STRICT v_base FROM chancery.admissions a WHERE a.run_id = p_run;
    v_room := coalesce(v_intake.record_limit, 9223372036854775807) - v_base - v_intake.pending;
    pending := cardinality(v_waiting);
    IF cardinality(p_positions) + pending > v_room THEN
        answer := 'full';
        RETURN;
    END IF;
    -- Whoever admits is not believed: what is signed is what was kept, or was made of it by the policy.
    EXECUTE format(
        'SELECT count(*) FROM unnest($1, $2) WITH ORDINALITY AS l (position, payload, n)
           JOIN chancery.%I a ON a.source = $3 AND a.split = $4 AND a.position = l.position AND a.state = ''Dead''
          WHERE chancery.letter_is_whole(a.stage, a.raw)
            AND (l.payload IS NULL OR a.raw = coalesce($5[l.n], l.payload))
            AND NOT EXISTS (SELECT FROM chancery.letter_moves m
                             WHERE m.run_id = $6 AND m.source = $3 AND m.split = $4 AND m.position = l.position AND m.became <> ''Dead'')',
        'arrivals_' || p_run)
       INTO v_count
      USING v_all, p_payloads || array_fill(NULL::bytea, ARRAY[cardinality(p_refused)]) || coalesce(p_judged.payloads, '{}'),
            p_source, p_split, p_judged.originals, p_run;
    IF v_count <> v_taken THEN
        answer := 'lost';
        RETURN;
    END IF;

    act := chancery.letter_act(p_run, p_act, 'Redrive', NULL, p_actor, p_selection, v_taken);
    EXECUTE format(
        'INSERT INTO chancery.letter_moves (run_id, source, split, position, attempt, act, stage, rule, reason, judged_at)
         SELECT $1, a.source, a.split, a.position,
                1 + (SELECT count(*) FROM chancery.letter_moves m
                      WHERE m.run_id = $1 AND m.source = a.source AND m.split = a.split AND m.position = a.position),
                $2, a.stage, a.rule, a.reason, ''epoch''::timestamptz + $3 * interval ''1 microsecond''
           FROM chancery.%I a WHERE a.source = $4 AND a.split = $5 AND a.position = ANY ($6)', 'arrivals_' || p_run)
      USING p_run, act, p_judged.instants[1], p_source, p_split, v_all;
    IF pending > 0 THEN
        EXECUTE format(
            'INSERT INTO chancery.%I (source, split, position, run_id, payload, name, arrived_at, not_before, letter)
             SELECT $1, $2, w.position, $3, a.raw, w.name, a.arrived_at, clock_timestamp(),
                    (SELECT m.attempt FROM chancery.letter_moves m
                      WHERE m.run_id = $3 AND m.source = $1 AND m.split = $2 AND m.position = w.position AND m.became IS NULL)
               FROM unnest($4, $5) AS w (position, name)
               JOIN chancery.%I a ON a.source = $1 AND a.split = $2 AND a.position = w.position', 'pendings_' || p_run, 'arrivals_' || p_run)
          USING p_source, p_split, p_run, v_waiting, p_judged.names;
    END IF;
    EXECUTE format(
        'WITH gone AS (DELETE FROM chancery.%I a WHERE a.source = $1 AND a.split = $2 AND a.position = ANY ($3)
                       RETURNING a.position, a.raw, a.arrived_at)
         SELECT array_agg(g.raw ORDER BY g.position), array_agg(g.arrived_at ORDER BY g.position) FROM gone g WHERE g.position = ANY ($4)',
        'arrivals_' || p_run)
       INTO v_raws, v_arrived USING p_source, p_split, v_all, p_refused;
    SELECT m.admitted, m.duplicates, m.bytes INTO admitted, duplicates, v_bytes
      FROM chancery.admit_payloads(p_run, v_run.keyring_id, v_digests, v_identities, v_base, v_room,
                                   p_source, p_split, p_payloads, p_positions, true) m;
    -- Since when they are kept does not change by it.
    WITH refused AS (
        INSERT INTO chancery.arrivals (source, split, position, run_id, state, digest, stage, rule, reason, raw, arrived_at)
        SELECT p_source, p_split, u.position, p_run, CASE WHEN u.stage IS NULL THEN 'Rejected' ELSE 'Dead' END::chancery.arrival_state,
               CASE WHEN u.stage IS NULL THEN sha256(u.raw) END, u.stage, u.rule, u.reason, u.raw, u.arrived_at
          FROM unnest(p_refused, p_stages, p_judged.rules, p_reasons, v_raws, v_arrived)
            AS u (position, stage, rule, reason, raw, arrived_at)
        RETURNING state)
    SELECT count(*) FILTER (WHERE r.state = 'Dead'), count(*) FILTER (WHERE r.state = 'Rejected') INTO dead, rejected FROM refused r;
    IF dead > 0 THEN
        PERFORM chancery.event_refused(p_run, p_source, p_split, 9223372036854775807, p_refused, p_stages, p_judged.rules, true);
    END IF;
    IF rejected > 0 THEN
        PERFORM chancery.event_refused(p_run, p_source, p_split, 9223372036854775807, p_refused, p_stages, p_judged.rules, false);
    END IF;
    IF v_run.policy_hash IS NOT NULL THEN
        -- Their instant is with them: those of others around them stay as they are.
        v_judged.starts := '{}';
        v_judged.instants := '{}';
    END IF;
    SELECT 0 AS flagged, 0 AS alerts INTO v_marks;
    IF v_run.policy_hash IS NOT NULL THEN
        SELECT m.flagged, m.alerts INTO v_marks
          FROM chancery.admit_marks(p_run, p_source, p_split, v_base, v_base + admitted, 9223372036854775807, p_positions, v_judged) m;
    END IF;
    EXECUTE format(
        'UPDATE chancery.letter_moves m
            SET became = coalesce((SELECT a.state::text FROM chancery.%I a
                                    WHERE a.source = m.source AND a.split = m.split AND a.position = m.position), ''Admitted'')::chancery.letter_end
          WHERE m.run_id = $1 AND m.source = $2 AND m.split = $3 AND m.position = ANY ($4) AND m.became IS NULL', 'arrivals_' || p_run)
      USING p_run, p_source, p_split, p_positions || p_refused;

    UPDATE chancery.splits t
       SET admitted = t.admitted + letters_redrive.admitted, duplicates = t.duplicates + letters_redrive.duplicates,
           dead = t.dead - v_taken + letters_redrive.dead, rejected = t.rejected + letters_redrive.rejected,
           pending = t.pending + letters_redrive.pending
     WHERE t.run_id = p_run AND t.source = p_source AND t.split = p_split;
    UPDATE chancery.intakes i
       SET admitted = i.admitted + letters_redrive.admitted, duplicates = i.duplicates + letters_redrive.duplicates,
           dead = i.dead - v_taken + letters_redrive.dead, rejected = i.rejected + letters_redrive.rejected,
           pending = i.pending + letters_redrive.pending,
           flagged = i.flagged + v_marks.flagged, alerts = i.alerts + v_marks.alerts, ignored = i.ignored + coalesce(p_judged.ignored, 0),
           payload_bytes = i.payload_bytes + v_bytes
     WHERE i.run_id = p_run;
    UPDATE chancery.runs r SET too_many_dead = false
     WHERE r.id = p_run AND r.too_many_dead AND v_intake.dead - v_taken + letters_redrive.dead <= v_intake.dead_limit;
    PERFORM chancery.batches_close(p_run, v_base + admitted);
    IF admitted = v_room AND v_intake.pending + pending = 0 THEN
        PERFORM chancery.pushes_end(p_run);
    END IF;
    answer := 'taken';
END
$$;

GRANT EXECUTE ON FUNCTION chancery.letters_redrive(
    integer, uuid, integer, text, text, integer, integer, bytea[], bigint[], bytea[], bigint[], text[], text[], chancery.judgement)
    TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.letters_redrive(
    integer, uuid, integer, text, text, integer, integer, bytea[], bigint[], bytea[], bigint[], text[], text[], chancery.judgement)
    TO chancery_gateway;
