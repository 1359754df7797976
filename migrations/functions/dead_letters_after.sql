-- Dead letters of a run, p_most at the most, behind the one of this source, split and position; without their bytes. Nothing of a
-- run that is being deleted. The run's own table is named: see record_payload.
CREATE OR REPLACE FUNCTION chancery.dead_letters_after(
    p_run integer, p_source integer, p_split integer, p_position bigint, p_most bigint)
RETURNS TABLE (
    number integer, source text, split integer, "position" bigint, stage text, rule text, reason text, arrived_at text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM chancery.runs r JOIN chancery.intakes i ON i.run_id = r.id
                    WHERE r.id = p_run AND r.deleted_at IS NULL) THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT a.source, s.name, a.split, a.position, a.stage, a.rule, a.reason,
                to_char(a.arrived_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"'')
           FROM chancery.%I a
           JOIN chancery.sources s ON s.run_id = $1 AND s.source = a.source
          WHERE a.state = ''Dead'' AND (a.source, a.split, a.position) > ($2, $3, $4)
          ORDER BY a.source, a.split, a.position LIMIT $5', 'arrivals_' || p_run)
      USING p_run, p_source, p_split, p_position, p_most;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.dead_letters_after(integer, integer, integer, bigint, bigint) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.dead_letters_after(integer, integer, integer, bigint, bigint) TO chancery_gateway;
