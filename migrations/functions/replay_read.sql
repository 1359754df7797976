-- What a split of another run holds from p_position on: at most 1,000 rows, and of those as many as have 2 MiB together,
-- but one at least. Empty at its end. One row with nothing but `gone` when the other run is being deleted, or is.
--
-- A record is at the position of its number less one, and is what it was before a policy enriched it; dead letters are counted in the order of where they came from, which
-- never changes, since the other run is sealed; so is what was rejected. The payload is null where the bytes were not kept whole. `traceparent`: the trace in which it came to the other run.
--
-- If letters were noted for a run of the caller's name (letters_end), only those are read. Else all that have no end: neither those that were
-- discarded, nor those that another run reads.
--
-- What a split says of itself is not believed, for whoever lists a source writes it: the run that is read, and whether its
-- records are, is what the source of the caller's run was described as.
CREATE OR REPLACE FUNCTION chancery.replay_read(p_source integer, p_split integer, p_token bytea, p_position bigint)
RETURNS TABLE (gone boolean, place bigint, payload bytea, stage text, reason text, traceparent text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
-- Of a table that has no statistics yet, all rows would be read for each call.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_run integer := chancery.intake_of_session();
    v_part jsonb;
    v_wanted jsonb;
    v_other integer;
    v_name text := (SELECT r.name FROM chancery.runs r WHERE r.id = v_run);
    v_is_noted boolean;
BEGIN
    SELECT t.part, (SELECT s.description -> 'run' FROM chancery.sources s WHERE s.run_id = t.run_id AND s.source = t.source)
      INTO v_part, v_wanted FROM chancery.splits t
     WHERE t.run_id = v_run AND t.source = p_source AND t.split = p_split AND t.token_hash = sha256(p_token);
    IF NOT FOUND OR v_wanted IS NULL OR (v_part ->> 'rows' = ANY (chancery.replay_rows(v_wanted ->> 'select'))) IS NOT TRUE THEN
        RETURN;
    END IF;
    SELECT o.id INTO v_other FROM chancery.runs o
     WHERE o.uid = (v_part ->> 'run')::uuid AND o.deleted_at IS NULL AND o.sealed_at IS NOT NULL
       AND o.id = chancery.replay_run(v_run, v_wanted ->> 'name');
    IF NOT FOUND THEN
        RETURN QUERY SELECT true, NULL::bigint, NULL::bytea, NULL::text, NULL::text, NULL::text;
    ELSIF v_part ->> 'rows' = 'Records' THEN
        RETURN QUERY
        SELECT false, c.record - 1,
               coalesce((SELECT o.payload FROM chancery.originals o WHERE o.run_id = v_other AND o.record = c.record), r.payload), NULL::text, NULL::text,
               (SELECT CASE WHEN t.last_position >= r.position THEN t.traceparent END FROM chancery.traces t
                 WHERE t.run_id = v_other AND t.source = r.source AND t.split = r.split AND t.position <= r.position
                 ORDER BY t.position DESC LIMIT 1)
          FROM (SELECT n.record, sum(n.bytes) OVER (ORDER BY n.record) - n.bytes AS before
                  FROM (SELECT k.record, coalesce((SELECT octet_length(o.payload) FROM chancery.originals o
                                                    WHERE o.run_id = v_other AND o.record = k.record), octet_length(k.payload)) AS bytes
                          FROM chancery.records k
                         WHERE k.run_id = v_other AND k.record > p_position ORDER BY k.record LIMIT 1000) n) c
          JOIN chancery.records r ON r.run_id = v_other AND r.record = c.record AND r.record > p_position AND r.record <= p_position + 1000
         WHERE c.before < 2097152
         ORDER BY c.record;
    ELSE
        v_is_noted := EXISTS (SELECT FROM chancery.letter_acts t WHERE t.run_id = v_other AND t.into_name = v_name);
        RETURN QUERY
        SELECT false, c.place, CASE WHEN c.is_whole THEN a.raw END, a.stage, a.reason,
               (SELECT CASE WHEN t.last_position >= c.position THEN t.traceparent END FROM chancery.traces t
                 WHERE t.run_id = v_other AND t.source = c.source AND t.split = c.split AND t.position <= c.position
                 ORDER BY t.position DESC LIMIT 1)
          FROM (SELECT n.*, sum(n.bytes) OVER (ORDER BY n.place) - n.bytes AS before
                  FROM (SELECT row_number() OVER (ORDER BY d.source, d.split, d.position) - 1 AS place,
                               d.source, d.split, d.position, coalesce(octet_length(d.raw), 0) AS bytes,
                               CASE d.state WHEN 'Rejected' THEN d.raw IS NOT NULL ELSE chancery.letter_is_whole(d.stage, d.raw) END AS is_whole,
                               (SELECT format('%s %s', m.became, t.into_name) FROM chancery.letter_moves m
                                  JOIN chancery.letter_acts t ON t.run_id = m.run_id AND t.act = m.act
                                 WHERE m.run_id = v_other AND m.source = d.source AND m.split = d.split AND m.position = d.position
                                   AND m.became <> 'Dead') AS ended
                          FROM chancery.arrivals d
                         WHERE d.run_id = v_other
                           AND d.state = (CASE v_part ->> 'rows' WHEN 'Rejected' THEN 'Rejected' ELSE 'Dead' END)::chancery.arrival_state) n
                 WHERE n.place >= p_position AND n.ended IS DISTINCT FROM 'Discarded '
                   AND (v_part ->> 'rows' = 'Rejected' OR CASE WHEN v_is_noted THEN n.ended = 'Moved ' || v_name ELSE n.ended IS NULL END) ORDER BY n.place LIMIT 1000) c
          JOIN chancery.arrivals a ON a.run_id = v_other AND a.source = c.source AND a.split = c.split
                                  AND a.position = c.position
         WHERE c.before < 2097152
         ORDER BY c.place;
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.replay_read(integer, integer, bytea, bigint) TO chancery_intake;
