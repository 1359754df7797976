-- Adds splits to a source that the caller lists, the first of them with the number p_first: a listing that is long comes
-- in several calls. False when the listing is no longer the caller's, or when the database has no room for more for now: it
-- counts for nothing then, and is made anew later. A source that is another run is listed by replay_list alone.
--
-- The splits of a source take 4 GiB at the most, with 250 bytes for each beside its part: what an intake says it found, nobody
-- else has seen. They count as the run's (run_taken).
CREATE OR REPLACE FUNCTION chancery.splits_add(
    p_source integer, p_token bytea, p_first integer, p_parts text[], p_starts bigint[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run integer := chancery.intake_of_session();
    v_is_run boolean;
    v_listed bigint;
BEGIN
    IF (SELECT i.held IS NOT NULL FROM chancery.intakes i WHERE i.run_id = v_run) THEN
        RETURN false;
    END IF;
    IF (cardinality(p_parts) <= 10000 AND cardinality(p_parts) = cardinality(p_starts)) IS NOT TRUE
       OR (SELECT max(octet_length(t.part)) FROM unnest(p_parts) t (part)) > 65536 THEN
        RAISE EXCEPTION 'at most 10000 splits at a time, each of at most 65536 bytes, and each with a start'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT s.description ? 'run' INTO v_is_run FROM chancery.sources s
     WHERE s.run_id = v_run AND s.source = p_source AND s.listed_at IS NULL AND s.token_hash = sha256(p_token)
       FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF v_is_run THEN
        RAISE EXCEPTION 'source % is another run, whose splits nobody adds', p_source USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE chancery.sources s
       SET expires_at = clock_timestamp() + (SELECT r.lease_duration FROM chancery.runs r WHERE r.id = v_run),
           listed_bytes = s.listed_bytes + (SELECT coalesce(sum(octet_length(t.part) + 250), 0) FROM unnest(p_parts) t (part))
     WHERE s.run_id = v_run AND s.source = p_source
    RETURNING s.listed_bytes INTO v_listed;
    IF v_listed > 4294967296 THEN
        RAISE EXCEPTION 'the splits of source % take more than 4 GiB: divide it into several runs', p_source
            USING ERRCODE = 'program_limit_exceeded';
    END IF;
    INSERT INTO chancery.splits (run_id, source, split, part, start, position)
    SELECT v_run, p_source, p_first + t.n::integer - 1, t.part::jsonb, t.start, t.start
      FROM unnest(p_parts, p_starts) WITH ORDINALITY AS t (part, start, n);
    RETURN true;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.splits_add(integer, bytea, integer, text[], bigint[]) TO chancery_intake;
