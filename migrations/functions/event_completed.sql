-- Writes down that a run is complete, with its counts.
CREATE OR REPLACE FUNCTION chancery.event_completed(p_run integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT chancery.event_wanted(p_run, 'run.completed') THEN
        RETURN;
    END IF;
    PERFORM chancery.event_write(
        p_run, 'run.completed', NULL,
        (SELECT jsonb_strip_nulls(jsonb_build_object(
                    'records', r.record_count, 'batches', a.batches, 'received', i.received, 'duplicates', i.duplicates,
                    'rejected', i.rejected, 'dead', i.dead, 'flagged', i.flagged, 'alerts', i.alerts,
                    'sinks', (SELECT jsonb_object_agg(s.name, jsonb_build_object('delivered', s.delivered, 'dead', s.dead))
                                FROM (SELECT * FROM chancery.sinks k WHERE k.run_id = p_run ORDER BY k.sink LIMIT 16) s)))
           FROM chancery.runs r
           JOIN chancery.admissions a ON a.run_id = r.id
           LEFT JOIN chancery.intakes i ON i.run_id = r.id
          WHERE r.id = p_run));
END
$$;
