-- Gives back at once the batches, the manifests, and the events, that holders which are known to be dead have of a run's. Returns how many
-- batches and events. What such a holder had sent to a
-- sink when it died may still come to be, or not: the next one looks whether it is there.
CREATE OR REPLACE FUNCTION chancery.delivery_release(p_run integer, p_holders text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_done bigint := 0;
    v_events bigint := 0;
BEGIN
    IF to_regclass(format('chancery.%I', 'deliveries_' || p_run)) IS NOT NULL THEN
        EXECUTE format('UPDATE chancery.%I d SET holder = NULL, token_hash = NULL, not_before = clock_timestamp(), put_off_at = clock_timestamp()
                         WHERE d.state = ''Pending'' AND d.holder = ANY ($1)', 'deliveries_' || p_run) USING p_holders;
        GET DIAGNOSTICS v_done = ROW_COUNT;
        UPDATE chancery.manifests m SET holder = NULL, token_hash = NULL, not_before = clock_timestamp(), put_off_at = clock_timestamp()
         WHERE m.run_id = p_run AND m.ended_at IS NULL AND m.holder = ANY (p_holders);
    END IF;
    IF to_regclass(format('chancery.%I', 'events_' || p_run)) IS NOT NULL THEN
        EXECUTE format('UPDATE chancery.%I e SET holder = NULL, token_hash = NULL, not_before = clock_timestamp(), put_off_at = clock_timestamp()
                         WHERE e.state = ''Pending'' AND e.holder = ANY ($1)', 'events_' || p_run) USING p_holders;
        GET DIAGNOSTICS v_events = ROW_COUNT;
    END IF;
    RETURN v_done + v_events;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.delivery_release(integer, text[]) TO chancery_operator;
