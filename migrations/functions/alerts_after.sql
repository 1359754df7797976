-- The alerts about the records of a run behind p_record, without the first p_without of them, by rule, with the last record of each.
-- Records get their numbers in the run's turn: what is raised later is about records behind all of these. Nothing of a run that no
-- policy judges, or that is being deleted. The run's own table is named: see record_payload.
CREATE OR REPLACE FUNCTION chancery.alerts_after(p_run integer, p_record bigint, p_without bigint)
RETURNS TABLE (rule text, alerts bigint, last_record bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM chancery.runs r WHERE r.id = p_run AND r.policy_hash IS NOT NULL AND r.deleted_at IS NULL) THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT a.rule, count(*), max(a.record)
           FROM (SELECT l.rule, l.record FROM chancery.%I l WHERE l.record > $1 ORDER BY l.record, l.rule OFFSET $2) a
          GROUP BY a.rule ORDER BY a.rule', 'alerts_' || p_run)
      USING p_record, p_without;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.alerts_after(integer, bigint, bigint) TO chancery_operator;
