-- What became of requests that were taken in before, by the SHA-256 of the names that their clients gave them: what was sent,
-- by its SHA-256, and its arrivals. Those beyond `accounted` were not taken in: the run had all its records by then. Payloads
-- that are neither duplicates nor dead, and have not waited, are the records first_record, first_record + 1 and so on, in order. What a rule
-- rejected is among the dead ones, without a stage. Of what waited for others, those that became records are settled_places, and those that
-- wait still are waiting_places. Records that are flagged are there by their places too, with the rules that hit as JSON.
-- A dead letter that was taken up again is answered as it was the first time, whatever it became.
CREATE OR REPLACE FUNCTION chancery.pushes_find(p_run integer, p_run_uid uuid, p_keys bytea[])
RETURNS TABLE (
    key_hash bytea, digest bytea, start_at bigint, arrivals bigint, accounted bigint, first_record bigint,
    duplicate_places bigint[], duplicate_runs text[], duplicate_records bigint[],
    dead_places bigint[], dead_stages text[], dead_rules text[], dead_reasons text[], flag_places bigint[], flag_hits text[],
    settled_places bigint[], settled_records bigint[], waiting_places bigint[])
-- One snapshot for all that is asked here: what waits is settled by others meanwhile, and would be seen in no list, or in two.
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_policy bytea := (SELECT r.policy_hash FROM chancery.runs r WHERE r.id = p_run);
    -- A run from before anything could wait has no table for it.
    v_waits boolean := to_regclass(format('chancery.%I', 'pendings_' || p_run)) IS NOT NULL;
    v_push record;
BEGIN
    FOR v_push IN
        SELECT u.*, t.position AS up_to FROM chancery.pushes u
          JOIN chancery.splits t ON t.run_id = u.run_id AND t.source = u.source AND t.split = u.split
          JOIN chancery.runs r ON r.id = u.run_id AND r.uid = p_run_uid AND r.deleted_at IS NULL
         WHERE u.run_id = p_run AND u.key_hash = ANY (p_keys)
    LOOP
        key_hash := v_push.key_hash;
        digest := v_push.digest;
        start_at := v_push.position;
        arrivals := v_push.arrivals;
        accounted := least(v_push.arrivals, v_push.up_to - v_push.position);
        first_record := v_push.first_record;
        SELECT d.places, d.runs, d.records INTO duplicate_places, duplicate_runs, duplicate_records
          FROM chancery.push_duplicates(p_run, v_push.source, v_push.split, v_push.position, accounted) d;
        EXECUTE format(
            'SELECT array_agg(d.position - $3 ORDER BY d.position), array_agg(d.stage ORDER BY d.position),
                    array_agg(d.rule ORDER BY d.position), array_agg(d.reason ORDER BY d.position)
               FROM (SELECT a.position, a.stage, a.rule, a.reason FROM chancery.%I a
                      WHERE a.source = $1 AND a.split = $2 AND a.position >= $3 AND a.position < $3 + $4 AND a.state <> ''Duplicate''
                        AND NOT EXISTS (SELECT FROM chancery.letter_moves m
                                         WHERE m.run_id = $5 AND m.source = $1 AND m.split = $2 AND m.position = a.position)
                     UNION ALL
                     SELECT m.position, m.stage, m.rule, m.reason FROM chancery.letter_moves m
                      WHERE m.run_id = $5 AND m.source = $1 AND m.split = $2 AND m.position >= $3 AND m.position < $3 + $4
                        AND m.attempt = 1) d',
            'arrivals_' || p_run)
           INTO dead_places, dead_stages, dead_rules, dead_reasons
          USING v_push.source, v_push.split, v_push.position, accounted, p_run;
        IF v_waits THEN
            EXECUTE format(
                'SELECT array_agg(w.position - $3 ORDER BY w.position), array_agg(w.record ORDER BY w.position) FROM chancery.%I w
                  WHERE w.source = $1 AND w.split = $2 AND w.position >= $3 AND w.position < $3 + $4 AND w.letter = 0 AND w.record IS NOT NULL',
                'answers_' || p_run)
               INTO settled_places, settled_records
              USING v_push.source, v_push.split, v_push.position, accounted;
            EXECUTE format(
                'SELECT array_agg(w.position - $3 ORDER BY w.position) FROM chancery.%I w
                  WHERE w.source = $1 AND w.split = $2 AND w.position >= $3 AND w.position < $3 + $4 AND w.letter = 0', 'pendings_' || p_run)
               INTO waiting_places
              USING v_push.source, v_push.split, v_push.position, accounted;
        END IF;
        IF v_policy IS NOT NULL THEN
            EXECUTE format(
                'SELECT array_agg(r.position - $3 ORDER BY r.position), array_agg(f.hits::text ORDER BY r.position)
                   FROM chancery.%I f JOIN chancery.%I r ON r.record = f.record
                  WHERE (f.record >= $1 AND f.record < $1 + $4 OR f.record = ANY ($5))
                    AND r.split = $2 AND r.position >= $3 AND r.position < $3 + $4',
                'flags_' || p_run, 'records_' || p_run)
               INTO flag_places, flag_hits
              USING v_push.first_record, v_push.split, v_push.position, accounted, settled_records;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.pushes_find(integer, uuid, bytea[]) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.pushes_find(integer, uuid, bytea[]) TO chancery_gateway;
