-- Dead letters of a run with their bytes, behind the one of this source, split and position: p_most at the most, and of those as many as
-- have 2 MiB together, but one at least; without p_raw their bytes are left out, and only counted. p_open:
-- only those without an end. Nothing of a run that is being deleted. The run's own table is named: see record_payload.
CREATE OR REPLACE FUNCTION chancery.letters_after(
    p_run integer, p_run_uid uuid, p_source integer, p_split integer, p_position bigint, p_most bigint, p_open boolean, p_raw boolean)
RETURNS TABLE (
    number integer, source text, pushed boolean, split integer, "position" bigint, stage text, rule text, reason text,
    raw bytea, bytes bigint, is_whole boolean, swept_at text, arrived_at text, arrived_micros bigint,
    attempts bigint, ended text, into_name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM chancery.runs r JOIN chancery.intakes i ON i.run_id = r.id
                    WHERE r.id = p_run AND r.uid = p_run_uid AND r.deleted_at IS NULL) THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT a.source, s.name, s.description ? ''http'', a.split, a.position, a.stage, a.rule, a.reason,
                CASE WHEN $7 THEN a.raw END, octet_length(a.raw)::bigint, chancery.letter_is_whole(a.stage, a.raw),
                to_char(a.swept_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"''),
                to_char(a.arrived_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"''),
                floor(extract(epoch FROM a.arrived_at) * 1000000)::bigint,
                c.attempts, c.ended, c.into_name
           FROM (SELECT n.*, sum(n.bytes) OVER (ORDER BY n.source, n.split, n.position) - n.bytes AS before
                   FROM (SELECT d.source, d.split, d.position, CASE WHEN $7 THEN coalesce(octet_length(d.raw), 0) ELSE 0 END AS bytes, m.attempts, m.ended, m.into_name
                           FROM chancery.%1$I d
                          CROSS JOIN LATERAL (
                                SELECT count(*) AS attempts, max(k.became::text) FILTER (WHERE k.became <> ''Dead'') AS ended,
                                       max(t.into_name) FILTER (WHERE k.became <> ''Dead'') AS into_name
                                  FROM chancery.letter_moves k JOIN chancery.letter_acts t ON t.run_id = k.run_id AND t.act = k.act
                                 WHERE k.run_id = $1 AND k.source = d.source AND k.split = d.split AND k.position = d.position) m
                          WHERE d.state = ''Dead'' AND (d.source, d.split, d.position) > ($2, $3, $4) AND (NOT $6 OR m.ended IS NULL)
                          ORDER BY d.source, d.split, d.position LIMIT $5) n) c
           JOIN chancery.%1$I a ON a.source = c.source AND a.split = c.split AND a.position = c.position
           JOIN chancery.sources s ON s.run_id = $1 AND s.source = a.source
          WHERE c.before < 2097152
          ORDER BY a.source, a.split, a.position', 'arrivals_' || p_run)
      USING p_run, p_source, p_split, p_position, p_most, p_open, p_raw;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.letters_after(integer, uuid, integer, integer, bigint, bigint, boolean, boolean) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.letters_after(integer, uuid, integer, integer, bigint, bigint, boolean, boolean) TO chancery_gateway;
