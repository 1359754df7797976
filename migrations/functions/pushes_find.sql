-- What became of requests that were taken in before, by the SHA-256 of the names that their clients gave them: what was sent,
-- by its SHA-256, and its arrivals. Those beyond `accounted` were not taken in: the run had all its records by then. Payloads
-- that are neither duplicates nor dead are the records first_record, first_record + 1 and so on, in order.
CREATE OR REPLACE FUNCTION chancery.pushes_find(p_run integer, p_run_uid uuid, p_keys bytea[])
RETURNS TABLE (
    key_hash bytea, digest bytea, start_at bigint, arrivals bigint, accounted bigint, first_record bigint,
    duplicate_places bigint[], duplicate_runs text[], duplicate_records bigint[],
    dead_places bigint[], dead_stages text[], dead_reasons text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
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
            'SELECT array_agg(a.position - $3 ORDER BY a.position), array_agg(a.stage ORDER BY a.position),
                    array_agg(a.reason ORDER BY a.position)
               FROM chancery.%I a
              WHERE a.source = $1 AND a.split = $2 AND a.position >= $3 AND a.position < $3 + $4 AND a.state = ''Dead''',
            'arrivals_' || p_run)
           INTO dead_places, dead_stages, dead_reasons
          USING v_push.source, v_push.split, v_push.position, accounted;
        RETURN NEXT;
    END LOOP;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.pushes_find(integer, uuid, bytea[]) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.pushes_find(integer, uuid, bytea[]) TO chancery_gateway;
