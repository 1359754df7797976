-- Ends dead letters of a run where they lie, all of them or none: discards them, with their bytes, or notes them for another run, which is
-- not made yet and reads these alone of this one (replay_read). They stay dead, and their counts stay: the other run counts what it reads.
--
-- So many at a time that the run's turn is soon another's: `act` is to be given with the next call of the same ending (p_act; 0 for the
-- first).
--
-- answer: done, with the number of the act; lost, when one of them is not dead, or has an end, or is not kept whole and is to be read
-- again; taken, when the other run is there; unsealed, when the run may still get more and is to be read; unknown or deleted.
CREATE OR REPLACE FUNCTION chancery.letters_end(
    p_run integer, p_run_uid uuid, p_act integer, p_kind text, p_into text, p_actor text, p_selection text,
    p_sources integer[], p_splits integer[], p_positions bigint[], OUT answer text, OUT act integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_letters bigint := cardinality(p_positions);
    v_noted bigint;
BEGIN
    IF num_nulls(p_run, p_run_uid, p_act, p_kind, p_actor, p_selection, p_sources, p_splits, p_positions) > 0
       OR v_letters = 0 OR cardinality(p_sources) <> v_letters OR cardinality(p_splits) <> v_letters
       OR (p_into IS NULL) <> (p_kind = 'Discard') THEN
        RAISE EXCEPTION 'letters_end takes the place of each letter, and another run unless they are discarded'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Before anything is locked, as in records_push: neither a name nor a turn is kept by whoever cannot end a letter here.
    answer := chancery.letters_end_refusal(p_run, p_run_uid, p_into);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    -- Before the turn, and as run_create takes it: whoever makes a run of that name now has made it before the look, or finds what was noted.
    IF p_into IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('chancery.run ' || r.namespace || '/' || p_into, 0))
           FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    END IF;
    PERFORM chancery.run_turn(p_run);
    -- Before any look at what is there: whoever sweeps takes this row first as well.
    PERFORM FROM chancery.intakes i WHERE i.run_id = p_run FOR UPDATE;
    answer := chancery.letters_end_refusal(p_run, p_run_uid, p_into);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    BEGIN
        act := chancery.letter_act(p_run, p_act, p_kind::chancery.letter_act, p_into, p_actor, p_selection, v_letters);
        EXECUTE format(
            'INSERT INTO chancery.letter_moves (run_id, source, split, position, attempt, act, became, stage, rule, reason)
             SELECT $1, a.source, a.split, a.position, 1 + m.attempts, $2, $3, a.stage, a.rule, a.reason
               FROM unnest($4, $5, $6) AS l (source, split, position)
               JOIN chancery.%I a ON a.source = l.source AND a.split = l.split AND a.position = l.position AND a.state = ''Dead''
              CROSS JOIN LATERAL (SELECT count(*) AS attempts, coalesce(bool_or(k.became <> ''Dead''), false) AS ended
                                    FROM chancery.letter_moves k
                                   WHERE k.run_id = $1 AND k.source = l.source AND k.split = l.split AND k.position = l.position) m
              WHERE NOT m.ended AND ($3 = ''Discarded'' OR chancery.letter_is_whole(a.stage, a.raw))', 'arrivals_' || p_run)
          USING p_run, act, CASE p_kind WHEN 'Discard' THEN 'Discarded' ELSE 'Moved' END::chancery.letter_end,
                p_sources, p_splits, p_positions;
        GET DIAGNOSTICS v_noted = ROW_COUNT;
        IF v_noted <> v_letters THEN
            RAISE EXCEPTION 'one of the letters has an end' USING ERRCODE = 'CH022';
        END IF;
    EXCEPTION WHEN SQLSTATE 'CH022' THEN
        answer := 'lost';
        act := NULL;
        RETURN;
    END;
    IF p_kind = 'Discard' THEN
        EXECUTE format(
            'UPDATE chancery.%I a SET raw = NULL, swept_at = clock_timestamp()
               FROM unnest($1, $2, $3) AS l (source, split, position)
              WHERE a.source = l.source AND a.split = l.split AND a.position = l.position AND a.raw IS NOT NULL', 'arrivals_' || p_run)
          USING p_sources, p_splits, p_positions;
    END IF;
    answer := 'done';
END
$$;

GRANT EXECUTE ON FUNCTION chancery.letters_end(integer, uuid, integer, text, text, text, text, integer[], integer[], bigint[]) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.letters_end(integer, uuid, integer, text, text, text, text, integer[], integer[], bigint[]) TO chancery_gateway;
