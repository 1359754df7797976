-- The payload of a record, and the rules that flagged it, as JSON, or null; nothing if there is no such record, or its run is being deleted.
--
-- The run's own table is named: asked by its parent, the server would choose among the tables of all runs each time.
CREATE OR REPLACE FUNCTION chancery.record_payload(p_run integer, p_record bigint) RETURNS TABLE (payload bytea, flags text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
BEGIN
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.deleted_at IS NULL;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format('SELECT r.payload, %s FROM chancery.%I r WHERE r.record = $1',
        CASE WHEN v_run.policy_hash IS NULL THEN 'NULL::text'
             ELSE format('(SELECT f.hits::text FROM chancery.%I f WHERE f.record = r.record)', 'flags_' || p_run) END,
        'records_' || p_run)
      USING p_record;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.record_payload(integer, bigint) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.record_payload(integer, bigint) TO chancery_gateway;
