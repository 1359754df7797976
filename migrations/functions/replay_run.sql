-- The run of this name that a run may read again: one of its namespace, and of the same owner's namespace where that is
-- known. Null when there is none, or when it is the run itself.
CREATE OR REPLACE FUNCTION chancery.replay_run(p_run integer, p_name text) RETURNS integer
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT o.id FROM chancery.runs o JOIN chancery.runs r ON r.namespace = o.namespace
             WHERE r.id = p_run AND o.name = p_name AND o.id <> r.id
               AND o.namespace_uid IS NOT DISTINCT FROM r.namespace_uid);
END
$$;
