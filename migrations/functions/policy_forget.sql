-- Removes a version of a policy that no run names any more.
CREATE OR REPLACE FUNCTION chancery.policy_forget(p_hash bytea) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM chancery.policies p WHERE p.hash = p_hash AND NOT EXISTS (SELECT FROM chancery.runs r WHERE r.policy_hash = p.hash);
EXCEPTION
    -- A run that names it is made at this moment.
    WHEN foreign_key_violation THEN NULL;
END
$$;
