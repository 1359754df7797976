-- What was done with dead letters of a run, in order, and what became of them. Nothing of a run that is being deleted.
CREATE OR REPLACE FUNCTION chancery.letters_log(p_run integer, p_run_uid uuid)
RETURNS TABLE (
    act integer, kind text, into_name text, letters bigint, selection text, actor text, login text, acted_at text,
    admitted bigint, duplicates bigint, rejected bigint, dead bigint, pending bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT a.act, a.kind::text, a.into_name, a.letters, a.selection, a.actor, a.login,
           to_char(a.acted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           m.admitted, m.duplicates, m.rejected, m.dead, m.pending
      FROM chancery.letter_acts a
      JOIN chancery.runs r ON r.id = a.run_id AND r.uid = p_run_uid AND r.deleted_at IS NULL
     CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE k.became = 'Admitted') AS admitted,
                                count(*) FILTER (WHERE k.became = 'Duplicate') AS duplicates,
                                count(*) FILTER (WHERE k.became = 'Rejected') AS rejected,
                                count(*) FILTER (WHERE k.became = 'Dead') AS dead,
                                -- What others are asked about.
                                count(*) FILTER (WHERE k.became IS NULL) AS pending
                           FROM chancery.letter_moves k WHERE k.run_id = a.run_id AND k.act = a.act) m
     WHERE a.run_id = p_run
     ORDER BY a.act;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.letters_log(integer, uuid) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.letters_log(integer, uuid) TO chancery_gateway;
