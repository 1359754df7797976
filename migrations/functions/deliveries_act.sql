-- Does something with dead letters of a run's deliveries, and writes it down: 'Redrive' takes them up again, with attempts that count anew,
-- whoever delivers brings them to their sinks; 'Discard' gives them up for good. Those that are meant: of the sink of this name, of this
-- batch, with this text in what was said of them last; null leaves none out. What is discarded is left alone.
--
-- A run that is complete stays so. It is no more than that which it says was given up that is on its way again.
--
-- A sink of which something is taken up again gets another manifest, once that has ended. One that was given up itself is taken up with all
-- letters of its sink, or without any.
--
-- answer: done, with the number of the act, and of how many, and how many manifests were given up and are taken up again; nothing, when none
-- is meant; unknown or deleted.
CREATE OR REPLACE FUNCTION chancery.deliveries_act(
    p_run integer, p_run_uid uuid, p_kind text, p_actor text, p_selection text, p_sink text, p_batch bigint, p_reason text,
    OUT answer text, OUT act integer, OUT letters bigint, OUT manifests bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
BEGIN
    IF num_nulls(p_run, p_run_uid, p_kind, p_actor, p_selection) > 0 THEN
        RAISE EXCEPTION 'deliveries_act needs a run, what is done, by whom, and with which' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    letters := 0;
    manifests := 0;
    -- The run's row is held, so that none of it goes meanwhile; and its sinks, so that one who acts comes after the other.
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid FOR KEY SHARE;
    PERFORM FROM chancery.sinks s WHERE s.run_id = v_run.id ORDER BY s.sink FOR NO KEY UPDATE;
    answer := CASE WHEN NOT FOUND THEN 'unknown' WHEN v_run.deleted_at IS NOT NULL THEN 'deleted' END;
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    act := 1 + coalesce((SELECT max(m.act) FROM chancery.delivery_moves m WHERE m.run_id = p_run), 0);
    EXECUTE format(
        'INSERT INTO chancery.delivery_moves (run_id, sink, batch, attempt, act, kind, attempts, last_error, died_at, selection, actor)
         SELECT $1, d.sink, d.batch, d.redrives + 1, $2, $3, d.attempts, d.last_error, d.ended_at, $4, $5
           FROM chancery.%I d JOIN chancery.sinks s ON s.run_id = $1 AND s.sink = d.sink
          WHERE d.state = ''Dead'' AND NOT d.discarded AND ($6 IS NULL OR s.name = $6) AND ($7 IS NULL OR d.batch = $7)
            AND ($8 IS NULL OR position($8 IN d.last_error) > 0)', 'deliveries_' || p_run)
      USING p_run, act, p_kind::chancery.letter_act, p_selection, p_actor, p_sink, p_batch, p_reason;
    GET DIAGNOSTICS letters = ROW_COUNT;
    IF p_kind = 'Redrive' AND p_batch IS NULL AND p_reason IS NULL THEN
        SELECT count(*) INTO manifests
          FROM chancery.manifests m JOIN chancery.sinks s ON s.run_id = p_run AND s.sink = m.sink
         WHERE m.run_id = p_run AND m.ended_at IS NOT NULL AND m.object IS NULL AND (p_sink IS NULL OR s.name = p_sink);
    END IF;
    IF letters + manifests = 0 THEN
        act := NULL;
        answer := 'nothing';
        RETURN;
    END IF;
    IF p_kind = 'Discard' THEN
        EXECUTE format(
            'UPDATE chancery.%I d SET discarded = true FROM chancery.delivery_moves m
              WHERE m.run_id = $1 AND m.act = $2 AND d.sink = m.sink AND d.batch = m.batch', 'deliveries_' || p_run) USING p_run, act;
    ELSE
        EXECUTE format(
            'UPDATE chancery.%I d
                SET state = ''Pending'', attempts = 0, redrives = d.redrives + 1, ended_at = NULL, not_before = clock_timestamp(), put_off_at = clock_timestamp()
               FROM chancery.delivery_moves m
              WHERE m.run_id = $1 AND m.act = $2 AND d.sink = m.sink AND d.batch = m.batch', 'deliveries_' || p_run) USING p_run, act;
        UPDATE chancery.sinks s SET dead = s.dead - m.letters, redriven = s.redriven + m.letters
          FROM (SELECT k.sink, count(*) AS letters FROM chancery.delivery_moves k WHERE k.run_id = p_run AND k.act = deliveries_act.act
                 GROUP BY k.sink) m
         WHERE s.run_id = p_run AND s.sink = m.sink;
        -- What may have been said already, nobody takes back.
        UPDATE chancery.manifests m
           SET number = m.number + CASE WHEN m.not_before IS NULL THEN 0 ELSE 1 END, attempts = 0, last_error = NULL, not_before = NULL, put_off_at = NULL,
               holder = NULL, token_hash = NULL, object = NULL, digest = NULL, ended_at = NULL
         WHERE m.run_id = p_run
           AND (EXISTS (SELECT FROM chancery.delivery_moves k WHERE k.run_id = p_run AND k.act = deliveries_act.act AND k.sink = m.sink)
                OR manifests > 0 AND m.ended_at IS NOT NULL AND m.object IS NULL
                   AND (p_sink IS NULL OR EXISTS (SELECT FROM chancery.sinks s WHERE s.run_id = p_run AND s.sink = m.sink AND s.name = p_sink)));
    END IF;
    IF letters = 0 THEN
        act := NULL;
    END IF;
    answer := 'done';
END
$$;

GRANT EXECUTE ON FUNCTION chancery.deliveries_act(integer, uuid, text, text, text, text, bigint, text) TO chancery_operator;
