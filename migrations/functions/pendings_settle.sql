-- Settles arrivals of a split that waited, in one transaction with the answers by which they were judged: those at p_positions are
-- admitted, and are records or, if the ring knows them by now, duplicates; those at p_dead_positions are refused. What none of that
-- is said of goes on waiting.
--
-- answer:
--   settled   the counts
--   held      the database has no room for more for now: nothing was settled
--   moved     one of them is settled already, or somebody else has it by now: nothing was settled
--   sealed, suspended, too_many_dead, deleted, unknown   nothing is admitted to such a run: see intake_next
--
-- Their bytes, and what names them, are those that the ledger has; the policy may have made something else of a payload, which is then in
-- p_enriched beside its position. p_judged: as in admit, with no instants, since these were said as they came. p_answers: of each, what
-- others said, first those at p_positions. How often they were asked for is what the ledger counted, and this time. Of a duplicate, none
-- is kept. A dead letter that was taken up again has become what it is now, and keeps when it arrived.
--
-- The commit does not wait for the disk: should the server crash, they wait again, and are asked for once more.
CREATE OR REPLACE FUNCTION chancery.pendings_settle(
    p_source integer, p_split integer, p_token bytea, p_positions bigint[], p_enriched bytea[],
    p_dead_positions bigint[], p_stages text[], p_reasons text[], p_answers text[], p_judged chancery.judgement,
    OUT answer text, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT rejected bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET work_mem = '32MB' AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_intake chancery.intakes%ROWTYPE;
    v_places bigint[] := p_positions || p_dead_positions;
    v_settled integer := cardinality(v_places);
    v_judged chancery.judgement := p_judged;
    v_held integer;
    v_payloads bytea[];
    v_names bytea[];
    v_raws bytea[];
    v_digests bytea[];
    v_identities bytea[];
    v_attempts integer[];
    -- Attempts of the letters among them, and when those arrived that are refused again.
    v_letters integer[];
    v_arrived timestamptz[];
    v_new bigint[];
    v_base bigint;
    v_bytes bigint;
    v_flagged bigint;
    v_alerts bigint;
BEGIN
    IF num_nulls(p_source, p_split, p_token) > 0 THEN
        RAISE EXCEPTION 'pendings_settle takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM chancery.pendings_check(p_positions, p_enriched, p_dead_positions, p_stages, p_reasons, p_answers, p_judged);
    v_run.id := chancery.intake_of_session();
    IF v_run.id IS NULL THEN
        answer := 'unknown';
        RETURN;
    END IF;
    PERFORM chancery.run_turn(v_run.id);
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = v_run.id;
    answer := chancery.intake_refusal(v_run);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    IF v_run.policy_hash IS NULL THEN
        -- Nothing of it has ever waited.
        answer := 'moved';
        RETURN;
    END IF;
    PERFORM chancery.admit_check_judged(v_run.policy_hash, p_positions, p_dead_positions, p_stages, p_judged);
    SELECT * INTO STRICT v_intake FROM chancery.intakes i WHERE i.run_id = v_run.id;
    IF v_intake.held IS NOT NULL THEN
        answer := 'held';
        RETURN;
    END IF;
    -- In the order of the call, which is that of the split.
    EXECUTE format(
        'WITH mine AS MATERIALIZED (
             SELECT p.position, p.payload, p.name, p.attempts, p.letter, p.arrived_at FROM chancery.%I p
              WHERE p.source = $1 AND p.split = $2 AND p.position = ANY ($3) AND p.run_id = $4 AND p.token_hash = sha256($5)
              ORDER BY p.position FOR UPDATE)
         SELECT (SELECT count(*) FROM mine),
                ARRAY (SELECT m.payload FROM mine m WHERE m.position = ANY ($6) ORDER BY m.position),
                ARRAY (SELECT m.name FROM mine m WHERE m.position = ANY ($6) AND m.name IS NOT NULL ORDER BY m.position),
                ARRAY (SELECT m.payload FROM mine m WHERE m.position = ANY ($7) ORDER BY m.position),
                ARRAY (SELECT m.attempts + 1 FROM mine m WHERE m.position = ANY ($6) ORDER BY m.position)
                    || ARRAY (SELECT m.attempts + 1 FROM mine m WHERE m.position = ANY ($7) ORDER BY m.position),
                ARRAY (SELECT m.letter FROM mine m WHERE m.position = ANY ($6) ORDER BY m.position)
                    || ARRAY (SELECT m.letter FROM mine m WHERE m.position = ANY ($7) ORDER BY m.position),
                ARRAY (SELECT CASE WHEN m.letter > 0 THEN m.arrived_at END FROM mine m WHERE m.position = ANY ($7) ORDER BY m.position)',
        'pendings_' || v_run.id)
       INTO v_held, v_payloads, v_names, v_raws, v_attempts, v_letters, v_arrived
      USING p_source, p_split, v_places, v_run.id, p_token, p_positions, p_dead_positions;
    IF v_held <> v_settled THEN
        answer := 'moved';
        RETURN;
    END IF;
    answer := 'settled';
    v_judged.originals := '{}';
    IF array_position(ARRAY (SELECT e.payload IS NULL FROM unnest(p_enriched) AS e (payload)), false) IS NOT NULL THEN
        v_judged.originals := ARRAY (SELECT CASE WHEN b.enriched IS NOT NULL THEN b.payload END
                                       FROM unnest(p_enriched, v_payloads) WITH ORDINALITY AS b (enriched, payload, n) ORDER BY b.n);
        v_payloads := ARRAY (SELECT coalesce(b.enriched, b.payload)
                               FROM unnest(p_enriched, v_payloads) WITH ORDINALITY AS b (enriched, payload, n) ORDER BY b.n);
    END IF;
    SELECT d.digests, d.identities INTO v_digests, v_identities
      FROM chancery.admit_digests(v_run.id, v_payloads, v_names, v_judged.originals) d;
    SELECT a.records INTO STRICT v_base FROM chancery.admissions a WHERE a.run_id = v_run.id;
    -- Each of them has had its room since it came.
    SELECT m.admitted, m.duplicates, m.bytes INTO admitted, duplicates, v_bytes
      FROM chancery.admit_payloads(v_run.id, v_run.keyring_id, v_digests, v_identities, v_base, cardinality(v_payloads),
                                   p_source, p_split, v_payloads, p_positions, v_intake.duplicates > 0) m;
    SELECT f.dead, f.rejected INTO dead, rejected
      FROM chancery.admit_refused(v_run.id, p_source, p_split, 9223372036854775807, p_dead_positions, p_stages, p_judged.rules,
                                  p_reasons, v_raws, v_arrived) f;
    SELECT m.flagged, m.alerts INTO v_flagged, v_alerts
      FROM chancery.admit_marks(v_run.id, p_source, p_split, v_base, v_base + admitted, 9223372036854775807, p_positions, v_judged) m;
    EXECUTE format('SELECT ARRAY (SELECT r.position FROM chancery.%I r WHERE r.record > $1 AND r.record <= $2 ORDER BY r.record)',
                   'records_' || v_run.id)
       INTO v_new USING v_base, v_base + admitted;
    -- Numbers follow positions, so that the number of each is found by its place among them.
    EXECUTE format(
        'INSERT INTO chancery.%I (source, split, position, run_id, letter, record, attempts, answers)
         SELECT $1, $2, w.position, $3, w.letter, CASE WHEN w.n <= $8 THEN $9 + width_bucket(w.position, $10) END, w.attempts, w.answers
           FROM unnest($4, $5, $6, $7) WITH ORDINALITY AS w (position, letter, attempts, answers, n)
          WHERE NOT EXISTS (SELECT FROM chancery.%I a
                             WHERE a.source = $1 AND a.split = $2 AND a.position = w.position AND a.state = ''Duplicate'')',
        'answers_' || v_run.id, 'arrivals_' || v_run.id)
      USING p_source, p_split, v_run.id, v_places, v_letters, v_attempts, p_answers, cardinality(p_positions), v_base, v_new;
    EXECUTE format('DELETE FROM chancery.%I p WHERE p.source = $1 AND p.split = $2 AND p.position = ANY ($3)', 'pendings_' || v_run.id)
      USING p_source, p_split, v_places;
    IF 0 < ANY (v_letters) THEN
        EXECUTE format(
            'UPDATE chancery.letter_moves m
                SET became = coalesce((SELECT a.state::text FROM chancery.%I a
                                        WHERE a.source = m.source AND a.split = m.split AND a.position = m.position), ''Admitted'')::chancery.letter_end
              WHERE m.run_id = $1 AND m.source = $2 AND m.split = $3 AND m.position = ANY ($4) AND m.became IS NULL', 'arrivals_' || v_run.id)
          USING v_run.id, p_source, p_split, v_places;
    END IF;

    UPDATE chancery.splits t
       SET pending = t.pending - v_settled, admitted = t.admitted + pendings_settle.admitted,
           duplicates = t.duplicates + pendings_settle.duplicates, dead = t.dead + pendings_settle.dead,
           rejected = t.rejected + pendings_settle.rejected
     WHERE t.run_id = v_run.id AND t.source = p_source AND t.split = p_split;
    UPDATE chancery.intakes i
       SET pending = i.pending - v_settled, admitted = i.admitted + pendings_settle.admitted,
           duplicates = i.duplicates + pendings_settle.duplicates, dead = i.dead + pendings_settle.dead,
           rejected = i.rejected + pendings_settle.rejected, flagged = i.flagged + v_flagged, alerts = i.alerts + v_alerts,
           ignored = i.ignored + p_judged.ignored, payload_bytes = i.payload_bytes + v_bytes,
           sweep_at = CASE WHEN pendings_settle.dead + pendings_settle.rejected = 0 THEN i.sweep_at
                           ELSE least(i.sweep_at, (SELECT min(coalesce(w.arrived_at, clock_timestamp())) FROM unnest(v_arrived) AS w (arrived_at))
                                               + i.dead_retention) END
     WHERE i.run_id = v_run.id;
    IF v_intake.dead + dead > v_intake.dead_limit THEN
        UPDATE chancery.runs r SET too_many_dead = true WHERE r.id = v_run.id;
    END IF;
    PERFORM chancery.batches_close(v_run.id, v_base + admitted);
    PERFORM set_config('synchronous_commit', 'off', true);
END
$$;

GRANT EXECUTE ON FUNCTION chancery.pendings_settle(
    integer, integer, bytea, bigint[], bytea[], bigint[], text[], text[], text[], chancery.judgement) TO chancery_intake;
