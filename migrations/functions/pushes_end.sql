-- Ends what is pushed to a run, and seals it, unless something waits to be judged: pendings_take seals it then. In the run's turn, or
-- before it: it is taken here.
CREATE OR REPLACE FUNCTION chancery.pushes_end(p_run integer) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM chancery.run_turn(p_run);
    UPDATE chancery.splits t SET done_at = clock_timestamp()
     WHERE t.run_id = p_run AND t.done_at IS NULL
       AND (SELECT s.description ? 'http' FROM chancery.sources s WHERE s.run_id = p_run AND s.source = t.source);
    UPDATE chancery.sources s SET listed_at = clock_timestamp()
     WHERE s.run_id = p_run AND s.listed_at IS NULL AND s.description ? 'http';
    RETURN chancery.run_seal(p_run);
END
$$;
