-- Gives a new run its notifications, and the table of its events. p_notifications: a name, a description, of what it is told, and how
-- many refusals make a dead letter of each, in the order of the manifest.
CREATE OR REPLACE FUNCTION chancery.run_notifications(p_run integer, p_notifications jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chancery.notifications (run_id, notification, name, description, events, attempt_limit)
    SELECT p_run, s.n, s.one ->> 'name', s.one -> 'description',
           ARRAY (SELECT e.event FROM jsonb_array_elements_text(s.one -> 'events') WITH ORDINALITY AS e (event, n) ORDER BY e.n),
           (s.one ->> 'attemptLimit')::integer
      FROM jsonb_array_elements(p_notifications) WITH ORDINALITY AS s (one, n);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a run that tells of something has somebody to tell' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format('CREATE TABLE chancery.%I (LIKE chancery.events INCLUDING ALL)', 'events_' || p_run);
    EXECUTE format('ALTER TABLE chancery.events ATTACH PARTITION chancery.%I FOR VALUES IN (%s)', 'events_' || p_run, p_run);
END
$$;
