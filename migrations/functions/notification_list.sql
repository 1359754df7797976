-- The notifications of the run that this session's login delivers, in the order of the manifest.
CREATE OR REPLACE FUNCTION chancery.notification_list()
RETURNS TABLE (notification integer, name text, description jsonb, attempt_limit integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT n.notification, n.name, n.description, n.attempt_limit
      FROM chancery.notifications n WHERE n.run_id = chancery.delivery_of_session() ORDER BY n.notification;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.notification_list() TO chancery_delivery;
