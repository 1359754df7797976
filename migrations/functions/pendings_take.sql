-- Gives an intake arrivals of its run that wait and are due, at most p_most and some 4 MiB of them: it asks others about them, and then
-- settles them (pendings_settle) or puts them off (pendings_put_off). They are its own for p_seconds; whoever lets them lie for longer
-- may find that somebody else has them. The token is the holder's secret, and only its hash is kept.
--
-- task: `judge` for each of them, with the instant by which it is judged, in microseconds since 1970; or one row with `wait`, to ask
-- again after `seconds` at the latest; or one with what intake_refusal says. `held` is `wait`: nothing could be settled.
--
-- Once nothing waits any more, and nothing more comes, the run is sealed: for a run to which programs push, nobody calls intake_next.
CREATE OR REPLACE FUNCTION chancery.pendings_take(p_holder text, p_token_hash bytea, p_most integer, p_seconds double precision)
RETURNS TABLE (
    task text, source integer, name text, pushed boolean, split integer, place bigint, payload bytea, attempts integer, judged_at bigint,
    seconds double precision)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_now timestamptz := clock_timestamp();
    v_until timestamptz;
    v_wake timestamptz;
    v_pendings text;
    v_waiting bigint;
    v_held text;
BEGIN
    IF num_nulls(p_holder, p_token_hash, p_most, p_seconds) > 0 THEN
        RAISE EXCEPTION 'pendings_take takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF octet_length(p_holder) > 1024 OR octet_length(p_token_hash) <> 32 THEN
        RAISE EXCEPTION 'a holder has at most 1024 bytes, and the hash of a token 32' USING ERRCODE = 'check_violation';
    END IF;
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = chancery.intake_of_session();
    task := chancery.intake_refusal(v_run);
    IF task IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    v_pendings := 'pendings_' || v_run.id;
    task := 'wait';
    seconds := 2;
    SELECT i.pending, i.held INTO v_waiting, v_held FROM chancery.intakes i WHERE i.run_id = v_run.id;
    IF to_regclass('chancery.' || quote_ident(v_pendings)) IS NULL OR v_held IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    v_until := v_now + make_interval(secs => least(greatest(p_seconds, 1), 3600));
    RETURN QUERY EXECUTE format(
        'WITH due AS MATERIALIZED (
             SELECT p.source, p.split, p.position, octet_length(p.payload) AS bytes, p.not_before FROM chancery.%1$I p
              WHERE p.not_before <= $1 ORDER BY p.not_before, p.source, p.split, p.position LIMIT $2 FOR UPDATE SKIP LOCKED),
         summed AS (
             SELECT d.*, sum(d.bytes) OVER (ORDER BY d.not_before, d.source, d.split, d.position) - d.bytes AS before FROM due d),
         taken AS (
             UPDATE chancery.%1$I p SET holder = $3, token_hash = $4, not_before = $5
               FROM summed d
              WHERE d.before < 4194304 AND p.source = d.source AND p.split = d.split AND p.position = d.position AND p.run_id = $6
             RETURNING p.source, p.split, p.position, p.payload, p.attempts, p.letter)
         SELECT ''judge''::text, t.source, (SELECT s.name FROM chancery.sources s WHERE s.run_id = $6 AND s.source = t.source),
                (SELECT s.description ? ''http'' FROM chancery.sources s WHERE s.run_id = $6 AND s.source = t.source), t.split, t.position,
                t.payload, t.attempts,
                -- A letter that is taken up again is judged by an instant of its own.
                floor(extract(epoch FROM CASE WHEN t.letter > 0 THEN
                    (SELECT m.judged_at FROM chancery.letter_moves m
                      WHERE m.run_id = $6 AND m.source = t.source AND m.split = t.split AND m.position = t.position AND m.attempt = t.letter)
                ELSE
                    (SELECT j.judged_at FROM chancery.%2$I j
                      WHERE j.source = t.source AND j.split = t.split AND j.position <= t.position
                      ORDER BY j.position DESC LIMIT 1) END) * 1000000)::bigint, NULL::double precision
           FROM taken t ORDER BY t.source, t.split, t.position', v_pendings, 'judgements_' || v_run.id)
      USING v_now, least(greatest(p_most, 1), 10000), p_holder, p_token_hash, v_until, v_run.id;
    IF NOT FOUND THEN
        IF v_waiting = 0
           AND NOT chancery.sources_open(v_run.id, (SELECT a.records FROM chancery.admissions a WHERE a.run_id = v_run.id)) THEN
            PERFORM chancery.run_turn(v_run.id);
            SELECT * INTO v_run FROM chancery.runs r WHERE r.id = v_run.id;
            task := chancery.intake_refusal(v_run);
            IF task IS NULL AND chancery.pushes_end(v_run.id) THEN
                task := 'sealed';
            END IF;
            IF task IS NOT NULL THEN
                RETURN NEXT;
                RETURN;
            END IF;
            task := 'wait';
        END IF;
        EXECUTE format('SELECT min(p.not_before) FROM chancery.%I p', v_pendings) INTO v_wake;
        seconds := least(greatest(extract(epoch FROM v_wake - clock_timestamp()), 0.05), 2);
        seconds := coalesce(seconds, 2);
        -- Whoever reads tells the judges beside it that more has come; whoever pushes is elsewhere.
        IF EXISTS (SELECT FROM chancery.sources s WHERE s.run_id = v_run.id AND s.description ? 'http') THEN
            seconds := least(seconds, 0.25);
        END IF;
        RETURN NEXT;
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.pendings_take(text, bytea, integer, double precision) TO chancery_intake;
