-- Why nothing is leased for this run: see lease_acquire. Null when it may be.
CREATE OR REPLACE FUNCTION chancery.run_refusal(p_run chancery.runs) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN (p_run).id IS NULL THEN 'unknown'
        WHEN (p_run).deleted_at IS NOT NULL THEN 'deleted'
        WHEN (p_run).completed_at IS NOT NULL THEN 'complete'
        WHEN (p_run).suspended OR (p_run).too_many_dead THEN 'suspended'
    END
$$;
