-- The run that this session's login may sign; null for any other login. Whatever a signer may call asks for it first: the
-- functions run with the rights of the owner, so nothing else keeps one run's login from another run.
--
-- By session_user, the login itself: what SET ROLE changes is current_user.
CREATE OR REPLACE FUNCTION chancery.run_of_session() RETURNS integer
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT l.run_id FROM chancery.logins l WHERE l.name = session_user AND l.work = 'Sign');
END
$$;
