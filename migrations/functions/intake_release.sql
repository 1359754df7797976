-- Gives back at once what holders that are known to be dead have of a run's sources and splits, and of what waits to be judged. What such a holder had
-- sent when it died may still be carried out, or not: the next reader begins at the position that is stored by then.
CREATE OR REPLACE FUNCTION chancery.intake_release(p_run integer, p_holders text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_sources bigint;
    v_splits bigint;
    v_pendings bigint := 0;
BEGIN
    UPDATE chancery.sources s SET holder = NULL, token_hash = NULL, expires_at = NULL
     WHERE s.run_id = p_run AND s.listed_at IS NULL AND s.holder = ANY (p_holders);
    GET DIAGNOSTICS v_sources = ROW_COUNT;
    UPDATE chancery.splits t SET holder = NULL, token_hash = NULL, expires_at = NULL
     WHERE t.run_id = p_run AND t.done_at IS NULL AND t.holder = ANY (p_holders);
    GET DIAGNOSTICS v_splits = ROW_COUNT;
    IF to_regclass(format('chancery.%I', 'pendings_' || p_run)) IS NOT NULL THEN
        EXECUTE format('UPDATE chancery.%I p SET holder = NULL, token_hash = NULL, not_before = clock_timestamp() WHERE p.holder = ANY ($1)',
                       'pendings_' || p_run) USING p_holders;
        GET DIAGNOSTICS v_pendings = ROW_COUNT;
    END IF;
    RETURN v_sources + v_splits + v_pendings;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.intake_release(integer, text[]) TO chancery_operator;
