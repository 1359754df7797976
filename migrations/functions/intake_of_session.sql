-- The run that this session's login may admit records to; null for any other login. Whatever an intake may call asks for
-- it first: see run_of_session.
CREATE OR REPLACE FUNCTION chancery.intake_of_session() RETURNS integer
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT l.run_id FROM chancery.logins l WHERE l.name = session_user AND l.work = 'Admit');
END
$$;
