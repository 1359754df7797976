-- Which of p_arrivals arrivals of a split, from p_position on, are duplicates: their places, counted from p_position, and
-- which record of which run each repeats. A dead letter that was found to be one when it was taken up again is none of these. The name of a run that is gone from the ledger with its keyring's log is empty.
CREATE OR REPLACE FUNCTION chancery.push_duplicates(
    p_run integer, p_source integer, p_split integer, p_position bigint, p_arrivals bigint,
    OUT places bigint[], OUT runs text[], OUT records bigint[])
-- By the snapshot of whoever asks: pushes_find asks for more than this.
LANGUAGE plpgsql STABLE AS $$
BEGIN
    -- The run's own table is named: asked by its parent, the server would choose among the tables of all runs each time.
    EXECUTE format(
        'SELECT array_agg(a.position - $3 ORDER BY a.position),
                array_agg(coalesce((SELECT r.name FROM chancery.runs r WHERE r.id = a.duplicate_run),
                                   (SELECT d.name FROM chancery.deleted_runs d WHERE d.run_id = a.duplicate_run), '''')
                          ORDER BY a.position),
                array_agg(a.duplicate_record ORDER BY a.position)
           FROM chancery.%I a
          WHERE a.source = $1 AND a.split = $2 AND a.position >= $3 AND a.position < $3 + $4 AND a.state = ''Duplicate''
            AND NOT EXISTS (SELECT FROM chancery.letter_moves m
                             WHERE m.run_id = $5 AND m.source = a.source AND m.split = a.split AND m.position = a.position)',
        'arrivals_' || p_run)
       INTO places, runs, records
      USING p_source, p_split, p_position, p_arrivals, p_run;
END
$$;
