-- Whether some sink of a run has not all of its batches yet, or not its manifest. What is a dead letter was given up.
CREATE OR REPLACE FUNCTION chancery.run_undelivered(p_run integer) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM chancery.sinks s
                    WHERE s.run_id = p_run
                      AND s.delivered + s.dead < (SELECT a.batches FROM chancery.admissions a WHERE a.run_id = p_run))
        OR EXISTS (SELECT FROM chancery.manifests m WHERE m.run_id = p_run AND m.ended_at IS NULL);
END
$$;
