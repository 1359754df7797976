-- The payload of a record; nothing if there is no such record, or its run is being deleted.
--
-- The run's own table is named: asked by its parent, the server would choose among the tables of all runs each time.
CREATE OR REPLACE FUNCTION chancery.record_payload(p_run integer, p_record bigint) RETURNS SETOF bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM chancery.runs r WHERE r.id = p_run AND r.deleted_at IS NULL) THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format('SELECT r.payload FROM chancery.%I r WHERE r.record = $1', 'records_' || p_run) USING p_record;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.record_payload(integer, bigint) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.record_payload(integer, bigint) TO chancery_gateway;
