-- Gives a new run its sinks, with a manifest for each that signed records are brought to, and the table of its deliveries. p_sinks: a
-- name, a description, whether it takes batches in order only, and how many refusals make a dead letter of each, in the order of the
-- SigningRun.
CREATE OR REPLACE FUNCTION chancery.run_sinks(p_run integer, p_sinks jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chancery.sinks (run_id, sink, name, description, ordered, attempt_limit)
    SELECT p_run, s.n, s.sink ->> 'name', s.sink -> 'description', (s.sink ->> 'ordered')::boolean, (s.sink ->> 'attemptLimit')::integer
      FROM jsonb_array_elements(p_sinks) WITH ORDINALITY AS s (sink, n);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a run that delivers has a sink' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO chancery.manifests (run_id, sink)
    SELECT p_run, s.sink FROM chancery.sinks s WHERE s.run_id = p_run AND s.description ?| ARRAY['objects', 'http', 'table'];
    EXECUTE format('CREATE TABLE chancery.%I (LIKE chancery.deliveries INCLUDING ALL)', 'deliveries_' || p_run);
    EXECUTE format('ALTER TABLE chancery.deliveries ATTACH PARTITION chancery.%I FOR VALUES IN (%s)', 'deliveries_' || p_run, p_run);
END
$$;
