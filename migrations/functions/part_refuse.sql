-- Refuses to take away anything but what a run that is deleted, or gone, has of the tables of all runs, and the digests of a
-- ring that no run has any more.
CREATE OR REPLACE FUNCTION chancery.part_refuse(p_parent text, p_number integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF (p_parent IN ('records', 'batches', 'signature_blocks', 'arrivals', 'flags', 'alerts', 'originals', 'judgements', 'pendings', 'answers', 'traces', 'deliveries', 'events', 'digests')) IS NOT TRUE THEN
        RAISE EXCEPTION 'neither runs nor keyrings have a part of %', coalesce(quote_literal(left(p_parent, 100)), 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_parent <> 'digests' AND EXISTS (
        SELECT FROM chancery.runs r WHERE r.id = p_number AND r.deleted_at IS NULL) THEN
        RAISE EXCEPTION 'run % is not deleted', p_number USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- A ring that has a name goes before its digests; that of a run alone goes with its run, after them.
    IF p_parent = 'digests' AND EXISTS (
        SELECT FROM chancery.keyrings k WHERE k.id = p_number
           AND (k.name IS NOT NULL
                OR EXISTS (SELECT FROM chancery.runs r WHERE r.keyring_id = k.id AND r.deleted_at IS NULL))) THEN
        RAISE EXCEPTION 'keyring % is not deleted', p_number USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
END
$$;
