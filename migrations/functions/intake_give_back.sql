-- Gives back what the caller was given by intake_next: a source that it lists (p_split is null), or a split that it
-- reads. With p_error, since that failed: it is left alone for p_seconds, and the next failure counts one more. False when
-- it was no longer the caller's.
CREATE OR REPLACE FUNCTION chancery.intake_give_back(
    p_source integer, p_split integer, p_token bytea, p_error text, p_seconds double precision) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run integer := chancery.intake_of_session();
    v_failed integer := CASE WHEN p_error IS NULL THEN 0 ELSE 1 END;
    -- A minute at the most, whatever is asked for: see intake_next.
    v_later timestamptz := clock_timestamp() + make_interval(secs => least(greatest(p_seconds, 0), 60));
BEGIN
    IF p_split IS NULL THEN
        UPDATE chancery.sources s
           SET holder = NULL, token_hash = NULL, expires_at = NULL, attempts = s.attempts + v_failed,
               not_before = coalesce(v_later, s.not_before), last_error = coalesce(left(p_error, 1024), s.last_error)
         WHERE s.run_id = v_run AND s.source = p_source AND s.token_hash = sha256(p_token);
    ELSE
        UPDATE chancery.splits t
           SET holder = NULL, token_hash = NULL, expires_at = NULL, attempts = t.attempts + v_failed,
               not_before = coalesce(v_later, t.not_before), last_error = coalesce(left(p_error, 1024), t.last_error)
         WHERE t.run_id = v_run AND t.source = p_source AND t.split = p_split AND t.token_hash = sha256(p_token);
    END IF;
    RETURN FOUND;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.intake_give_back(integer, integer, bytea, text, double precision) TO chancery_intake;
