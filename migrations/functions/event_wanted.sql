-- Whether some notification of a run lists this event. Whatever is only told of is asked for once it is.
CREATE OR REPLACE FUNCTION chancery.event_wanted(p_run integer, p_event text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM chancery.notifications n WHERE n.run_id = p_run AND p_event = ANY (n.events));
END
$$;
