-- Waits for the turn of a ring's name: runs that name one ring queue here, and so does its deletion. The lock is held to
-- the end of the transaction.
CREATE OR REPLACE FUNCTION chancery.keyring_name_turn(p_namespace text, p_name text) RETURNS void
LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('chancery.keyring ' || p_namespace || '/' || p_name, 0))
$$;
