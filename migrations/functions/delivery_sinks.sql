-- The sinks of the run that this session's login delivers, in the order of the manifest.
CREATE OR REPLACE FUNCTION chancery.delivery_sinks()
RETURNS TABLE (sink integer, name text, description jsonb, ordered boolean, attempt_limit integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT s.sink, s.name, s.description, s.ordered, s.attempt_limit
      FROM chancery.sinks s WHERE s.run_id = chancery.delivery_of_session() ORDER BY s.sink;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.delivery_sinks() TO chancery_delivery;
