-- Takes in what programs pushed to a run: p_arrivals arrivals at the places 0, 1, 2 and so on of this call, of which those at
-- p_places are payloads, those at p_dead_places cannot become records, and those of p_judged.pending wait for what others say of them. Many requests come in one call. The positions of
-- their arrivals in the source are given here, in the run's turn, one behind the other: nothing is between them, and
-- whoever pushes needs no place that it has to itself.
--
-- answer:
--   admitted   the arrivals from start_at on. Payloads that are not duplicates are the records first_record, first_record + 1
--              and so on, in order
--   full       the same, and the run has the most records that it may have, and is sealed. Arrivals from the place `accounted`
--              on were not taken in
--   no_room    beside the `waiting` that wait, there is room for `room` records, and more came: nothing was admitted. What waits may leave
--              its room again. duplicate_places are payloads that need no room: they repeat a record
--   repeated   a request of these names was taken in before (pushes_find): nothing was admitted
--   held       the database has no room for more for now: nothing was admitted
--   not_pushed nothing is pushed to this run: it has other sources
--   sealed     the run is sealed, or is going to be once nothing waits any more
--   suspended, too_many_dead, deleted, unknown   nothing is admitted to such a run: see intake_next
--
-- p_keys name requests: the SHA-256 of the name, and p_key_digests of what was sent; the request has p_key_arrivals arrivals
-- from the place p_key_places on. A name is kept with the arrivals, in this transaction.
--
-- p_judged: what the policy of the run said of them, by their places, and nothing in a run that has none (admit_check_judged).
--
-- p_traced, p_traced_to, p_traces: in which traces they came, from a place to another.
--
-- The commit waits for the disk: what is answered is there.
CREATE OR REPLACE FUNCTION chancery.records_push(
    p_run integer, p_run_uid uuid, p_arrivals bigint, p_payloads bytea[], p_places bigint[], p_identities bytea[],
    p_dead_places bigint[], p_stages text[], p_reasons text[], p_raws bytea[],
    p_keys bytea[], p_key_digests bytea[], p_key_places bigint[], p_key_arrivals bigint[], p_judged chancery.judgement,
    p_traced bigint[], p_traced_to bigint[], p_traces text[],
    OUT answer text, OUT start_at bigint, OUT accounted bigint, OUT first_record bigint,
    OUT duplicate_places bigint[], OUT duplicate_runs text[], OUT duplicate_records bigint[], OUT room bigint, OUT waiting bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_split chancery.splits%ROWTYPE;
    v_digests bytea[];
    v_identities bytea[];
    v_judged chancery.judgement := p_judged;
    v_taken record;
BEGIN
    -- Of nothing, a comparison is no refusal. A strict function would answer nothing, as if all were taken in.
    IF num_nulls(p_run, p_run_uid, p_arrivals, p_payloads, p_places, p_identities, p_dead_places, p_stages, p_reasons, p_raws,
                 p_keys, p_key_digests, p_key_places, p_key_arrivals, p_traced, p_traced_to, p_traces) > 0 THEN
        RAISE EXCEPTION 'records_push takes no null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM chancery.admit_check(0, p_arrivals, p_payloads, p_places, p_identities, p_dead_places, p_stages, p_reasons, p_raws);
    IF cardinality(p_places) + cardinality(p_dead_places) + coalesce(cardinality(p_judged.pending), 0) <> p_arrivals THEN
        RAISE EXCEPTION 'each arrival is a payload, is dead or waits' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Before anything waits, is locked or hashed for it.
    answer := chancery.pushes_refusal(p_run, p_run_uid);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    -- Before the turn, as in admit.
    SELECT d.digests, d.identities INTO v_digests, v_identities
      FROM chancery.admit_digests(p_run, p_payloads, p_identities, p_judged.originals) d;
    PERFORM chancery.run_turn(p_run);
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    IF v_run.deleted_at IS NULL AND EXISTS (SELECT FROM chancery.pushes u WHERE u.run_id = p_run AND u.key_hash = ANY (p_keys)) THEN
        answer := 'repeated';
        RETURN;
    END IF;
    answer := chancery.intake_refusal(v_run);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT t.* INTO v_split FROM chancery.splits t
     WHERE t.run_id = p_run AND t.done_at IS NULL
       AND (SELECT s.description ? 'http' FROM chancery.sources s WHERE s.run_id = p_run AND s.source = t.source)
       FOR UPDATE;
    IF NOT FOUND THEN
        answer := CASE WHEN EXISTS (SELECT FROM chancery.sources s WHERE s.run_id = p_run AND s.description ? 'http')
                       THEN 'sealed' ELSE 'not_pushed' END;
        RETURN;
    END IF;
    start_at := v_split.position;
    IF v_run.policy_hash IS NOT NULL THEN
        v_judged.starts := ARRAY (SELECT start_at + unnest(p_judged.starts));
        v_judged.marked := ARRAY (SELECT start_at + unnest(p_judged.marked));
        v_judged.pending := ARRAY (SELECT start_at + unnest(p_judged.pending));
    END IF;

    SELECT * INTO STRICT v_taken FROM chancery.admit_arrivals(
        v_run, v_split.source, v_split.split, start_at, start_at + p_arrivals, '', false,
        p_payloads, ARRAY (SELECT start_at + unnest(p_places)), v_digests, v_identities,
        ARRAY (SELECT start_at + unnest(p_dead_places)), p_stages, p_reasons, p_raws, v_judged,
        ARRAY (SELECT start_at + unnest(p_traced)), ARRAY (SELECT start_at + unnest(p_traced_to)), p_traces);
    answer := v_taken.answer;
    IF answer = 'held' THEN
        RETURN;
    END IF;
    IF answer = 'full' AND v_taken.admitted IS NULL THEN
        SELECT i.record_limit - a.records - i.pending, i.pending INTO room, waiting
          FROM chancery.intakes i JOIN chancery.admissions a ON a.run_id = i.run_id
         WHERE i.run_id = p_run AND a.records < i.record_limit;
        IF FOUND THEN
            answer := 'no_room';
            duplicate_places := ARRAY (SELECT p_places[k.n] FROM unnest(v_taken.known) WITH ORDINALITY AS k (n, place) ORDER BY k.place);
            RETURN;
        END IF;
    END IF;
    accounted := v_taken.start_at - start_at;
    SELECT a.records - coalesce(v_taken.admitted, 0) + 1 INTO STRICT first_record FROM chancery.admissions a WHERE a.run_id = p_run;
    IF v_taken.duplicates > 0 THEN
        SELECT d.places, d.runs, d.records INTO duplicate_places, duplicate_runs, duplicate_records
          FROM chancery.push_duplicates(p_run, v_split.source, v_split.split, start_at, accounted) d;
    END IF;
    INSERT INTO chancery.pushes (run_id, key_hash, digest, source, split, position, arrivals, first_record)
    SELECT p_run, k.key, k.digest, v_split.source, v_split.split, start_at + k.place, k.arrivals,
           first_record + width_bucket(k.place - 1, p_places) - width_bucket(k.place - 1, coalesce(duplicate_places, '{}'))
      FROM unnest(p_keys, p_key_digests, p_key_places, p_key_arrivals) AS k (key, digest, place, arrivals)
     WHERE k.place < accounted;
    IF answer = 'full' THEN
        PERFORM chancery.pushes_end(p_run);
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.records_push(
    integer, uuid, bigint, bytea[], bigint[], bytea[], bigint[], text[], text[], bytea[],
    bytea[], bytea[], bigint[], bigint[], chancery.judgement, bigint[], bigint[], text[]) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.records_push(
    integer, uuid, bigint, bytea[], bigint[], bytea[], bigint[], text[], text[], bytea[],
    bytea[], bytea[], bigint[], bigint[], chancery.judgement, bigint[], bigint[], text[]) TO chancery_gateway;
