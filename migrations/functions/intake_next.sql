-- What an intake does next for its run, which it has to itself from now on.
--
-- task:
--   list        list the source: splits_add for what is found, then source_listed
--   read        read the split from `start_at` on, with the `key` that was stored with it, and admit what is found. `room`: how many
--               more records the run may have, less what waits to be judged; null where that has no bound
--   wait        others are at work on what is left, or a source that failed is left alone for a while, or the database has no
--               room for more: ask again, after `seconds` at the latest
--   sealed      nothing is left: the run has all its records
--   suspended, too_many_dead, deleted, unknown   nothing is read for such a run; to a login, every run is unknown but
--               its own
--
-- What is handed out is the holder's for the duration of the run's leases, in `seconds`; admit prolongs that, and
-- intake_renew. The token is the holder's secret: whoever admits shows it, and only its hash is kept. Until somebody
-- else is given the same, a holder that is late may still admit: what counts is the position.
CREATE OR REPLACE FUNCTION chancery.intake_next(
    p_holder text, p_token_hash bytea,
    OUT task text, OUT source integer, OUT name text, OUT description jsonb,
    OUT split integer, OUT part jsonb, OUT start_at bigint, OUT key text, OUT attempts integer, OUT seconds double precision,
    OUT room bigint)
LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_now timestamptz;
    v_until timestamptz;
    -- Whatever ends later than this was written by a clock that has been set back since, and has ended. With time to spare for
    -- what was prolonged this moment.
    v_latest timestamptz;
    v_pending bigint;
    v_wake timestamptz;
    v_held text;
BEGIN
    IF octet_length(p_holder) > 1024 OR octet_length(p_token_hash) <> 32 THEN
        RAISE EXCEPTION 'a holder has at most 1024 bytes, and the hash of a token 32' USING ERRCODE = 'check_violation';
    END IF;
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = chancery.intake_of_session();
    task := chancery.intake_refusal(v_run);
    IF task IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT i.record_limit, i.pending, i.held INTO room, v_pending, v_held FROM chancery.intakes i WHERE i.run_id = v_run.id;
    IF NOT FOUND THEN
        task := 'unknown';
        RETURN;
    END IF;
    room := room - v_pending - (SELECT a.records FROM chancery.admissions a WHERE a.run_id = v_run.id);
    seconds := extract(epoch FROM v_run.lease_duration);
    v_now := clock_timestamp();
    v_until := v_now + v_run.lease_duration;
    v_latest := v_until + interval '1 minute';
    IF v_held IS NULL
       AND room > 0 IS NOT FALSE THEN
        -- Sources first: their splits are then read by all.
        SELECT s.source INTO source FROM chancery.sources s
         WHERE s.run_id = v_run.id AND s.listed_at IS NULL AND NOT s.description ? 'http'
           AND (s.expires_at > v_now AND s.expires_at <= v_latest) IS NOT TRUE
           AND (s.not_before > v_now AND s.not_before <= v_latest) IS NOT TRUE
         ORDER BY s.source LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF FOUND THEN
            -- Those of a listing that was broken off were never read.
            DELETE FROM chancery.splits t WHERE t.run_id = v_run.id AND t.source = intake_next.source;
            UPDATE chancery.sources s
               SET holder = p_holder, token_hash = p_token_hash, expires_at = v_until, listed_bytes = 0
             WHERE s.run_id = v_run.id AND s.source = intake_next.source
            RETURNING s.name, s.description, s.attempts INTO name, description, attempts;
            task := 'list';
            RETURN;
        END IF;
        SELECT t.source, t.split INTO source, split FROM chancery.splits t
         WHERE t.run_id = v_run.id AND t.done_at IS NULL
           AND (t.expires_at > v_now AND t.expires_at <= v_latest) IS NOT TRUE
           AND (t.not_before > v_now AND t.not_before <= v_latest) IS NOT TRUE
           AND (SELECT s.listed_at IS NOT NULL FROM chancery.sources s WHERE s.run_id = v_run.id AND s.source = t.source)
         ORDER BY t.split, t.source LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF FOUND THEN
            UPDATE chancery.splits t
               SET holder = p_holder, token_hash = p_token_hash, expires_at = v_until
             WHERE t.run_id = v_run.id AND t.source = intake_next.source AND t.split = intake_next.split
            RETURNING t.part, t.position, t.position_key, t.attempts INTO part, start_at, key, attempts;
            SELECT s.name, s.description INTO name, description FROM chancery.sources s
             WHERE s.run_id = v_run.id AND s.source = intake_next.source;
            task := 'read';
            RETURN;
        END IF;
    END IF;
    -- Whoever admitted the last of it may have met too many dead letters since: such a run stays open, so that they can be taken up.
    PERFORM chancery.run_turn(v_run.id);
    IF (SELECT r.too_many_dead FROM chancery.runs r WHERE r.id = v_run.id) THEN
        task := 'too_many_dead';
        RETURN;
    END IF;
    IF chancery.run_seal(v_run.id) THEN
        task := 'sealed';
        RETURN;
    END IF;
    task := 'wait';
    SELECT min(w.at) INTO v_wake FROM (
        SELECT min(greatest(s.expires_at, s.not_before)) AS at FROM chancery.sources s
         WHERE s.run_id = v_run.id AND s.listed_at IS NULL
        UNION ALL
        SELECT min(greatest(t.expires_at, t.not_before)) FROM chancery.splits t
         WHERE t.run_id = v_run.id AND t.done_at IS NULL) w;
    seconds := greatest(extract(epoch FROM v_wake - clock_timestamp()), 0.1);
    IF v_pending > 0 THEN
        -- Whoever settles what waits tells the readers.
        seconds := greatest(coalesce(extract(epoch FROM v_wake - clock_timestamp()), 2), 0.1);
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.intake_next(text, bytea) TO chancery_intake;
