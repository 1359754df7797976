-- The run whose batches this session's login may bring to its sinks; null for any other login. Whatever a delivery may call asks for it
-- first: see run_of_session.
CREATE OR REPLACE FUNCTION chancery.delivery_of_session() RETURNS integer
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT l.run_id FROM chancery.logins l WHERE l.name = session_user AND l.work = 'Deliver');
END
$$;
