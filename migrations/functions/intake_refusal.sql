-- Why nothing is read or admitted for this run now: see intake_next. Null when it may be.
CREATE OR REPLACE FUNCTION chancery.intake_refusal(p_run chancery.runs) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN (p_run).id IS NULL THEN 'unknown'
        WHEN (p_run).deleted_at IS NOT NULL THEN 'deleted'
        WHEN (p_run).sealed_at IS NOT NULL THEN 'sealed'
        WHEN (p_run).too_many_dead THEN 'too_many_dead'
        WHEN (p_run).suspended THEN 'suspended'
    END
$$;
