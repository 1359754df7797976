-- Whether something is left to be read into a run that has so many records: a source that was not listed, or a split that
-- was not read to its end, unless it has the most records that it may have. False for a run without sources.
CREATE OR REPLACE FUNCTION chancery.sources_open(p_run integer, p_records bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
    IF p_records >= (SELECT i.record_limit FROM chancery.intakes i WHERE i.run_id = p_run) THEN
        RETURN false;
    END IF;
    RETURN EXISTS (SELECT FROM chancery.sources s WHERE s.run_id = p_run AND s.listed_at IS NULL)
        OR EXISTS (SELECT FROM chancery.splits t WHERE t.run_id = p_run AND t.done_at IS NULL);
END
$$;
