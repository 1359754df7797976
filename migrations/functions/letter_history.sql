-- What was done with one dead letter of a run, in order, and what was said of it before. Nothing of a run that is being deleted.
CREATE OR REPLACE FUNCTION chancery.letter_history(p_run integer, p_run_uid uuid, p_source integer, p_split integer, p_position bigint)
RETURNS TABLE (
    attempt integer, act integer, kind text, became text, into_name text, stage text, rule text, reason text, actor text, login text, acted_at text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT m.attempt, a.act, a.kind::text, coalesce(m.became::text, 'Pending'), a.into_name, m.stage, m.rule, m.reason, a.actor, a.login,
           to_char(a.acted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
      FROM chancery.letter_moves m
      JOIN chancery.letter_acts a ON a.run_id = m.run_id AND a.act = m.act
      JOIN chancery.runs r ON r.id = m.run_id AND r.uid = p_run_uid AND r.deleted_at IS NULL
     WHERE m.run_id = p_run AND m.source = p_source AND m.split = p_split AND m.position = p_position
     ORDER BY m.attempt;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.letter_history(integer, uuid, integer, integer, bigint) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.letter_history(integer, uuid, integer, integer, bigint) TO chancery_gateway;
