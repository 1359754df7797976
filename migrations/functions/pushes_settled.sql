-- What became of arrivals that were pushed to a run and waited, by their positions: those that are nothing here wait still.
--
-- state: Admitted, with its record, and the rules that hit if it is flagged, as JSON; Duplicate, of which record of which run, whose name is
-- empty if it is gone; Dead or Rejected. A dead letter that was taken up again is answered as it was the first time.
CREATE OR REPLACE FUNCTION chancery.pushes_settled(p_run integer, p_run_uid uuid, p_positions bigint[])
RETURNS TABLE (
    at_position bigint, state text, record bigint, hits text, of_run text, of_record bigint, stage text, rule text, reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_source integer;
BEGIN
    SELECT s.source INTO v_source FROM chancery.runs r JOIN chancery.sources s ON s.run_id = r.id AND s.description ? 'http'
     WHERE r.id = p_run AND r.uid = p_run_uid AND r.deleted_at IS NULL AND r.policy_hash IS NOT NULL;
    -- A run from before anything could wait has no table for it.
    IF NOT FOUND OR to_regclass(format('chancery.%I', 'answers_' || p_run)) IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT w.position, ''Admitted'', w.record, (SELECT f.hits::text FROM chancery.%1$I f WHERE f.record = w.record),
                NULL, NULL::bigint, NULL, NULL, NULL
           FROM unnest($2) AS p (position)
           JOIN chancery.%2$I w ON w.source = $1 AND w.split = 1 AND w.position = p.position AND w.run_id = $3 AND w.letter = 0
          WHERE w.record IS NOT NULL
         UNION ALL
         SELECT a.position, a.state::text, NULL, NULL,
                CASE WHEN a.state = ''Duplicate''
                     THEN coalesce((SELECT r.name FROM chancery.runs r WHERE r.id = a.duplicate_run),
                                   (SELECT d.name FROM chancery.deleted_runs d WHERE d.run_id = a.duplicate_run), '''') END,
                a.duplicate_record, a.stage, a.rule, a.reason
           FROM unnest($2) AS p (position)
           JOIN chancery.%3$I a ON a.source = $1 AND a.split = 1 AND a.position = p.position AND a.run_id = $3
          WHERE NOT EXISTS (SELECT FROM chancery.letter_moves m
                             WHERE m.run_id = $3 AND m.source = $1 AND m.split = 1 AND m.position = p.position)
         UNION ALL
         SELECT m.position, ''Dead'', NULL, NULL, NULL, NULL, m.stage, m.rule, m.reason
           FROM unnest($2) AS p (position)
           JOIN chancery.letter_moves m ON m.run_id = $3 AND m.source = $1 AND m.split = 1 AND m.position = p.position AND m.attempt = 1',
        'flags_' || p_run, 'answers_' || p_run, 'arrivals_' || p_run)
      USING v_source, p_positions, p_run;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.pushes_settled(integer, uuid, bigint[]) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.pushes_settled(integer, uuid, bigint[]) TO chancery_gateway;
