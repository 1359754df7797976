-- Gives a new run its sources, and the tables that such a run has beside its records: one for arrivals, those of its policy if it
-- has one, and, if it looks for duplicates, one for the digests of its ring, unless that is there. Whoever creates a run of the same ring waits
-- (keyring_name_turn). p_sources: a name and a description each, and whether somebody is told of each of its records, in the order of the manifest.
CREATE OR REPLACE FUNCTION chancery.run_sources(
    p_run integer, p_sources jsonb, p_idempotency chancery.idempotency, p_expression text,
    p_digest_window interval, p_record_limit bigint,
    p_dead_limit bigint, p_dead_retention interval) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_ring integer := (SELECT r.keyring_id FROM chancery.runs r WHERE r.id = p_run);
    v_is_judged boolean := (SELECT r.policy_hash IS NOT NULL FROM chancery.runs r WHERE r.id = p_run);
    v_is_traced boolean;
    v_part text;
    -- What a policy enriched is known by what it was before.
    v_digests text := CASE p_idempotency WHEN 'None' THEN 'digest IS NULL AND identity IS NULL'
                                         WHEN 'Content' THEN 'octet_length(digest) = 32 AND '
                                              || CASE WHEN v_is_judged THEN 'coalesce(octet_length(identity), 32) = 32' ELSE 'identity IS NULL' END
                                         ELSE 'octet_length(digest) = 32 AND octet_length(identity) = 32' END;
BEGIN
    INSERT INTO chancery.intakes (run_id, idempotency, expression, digest_window, record_limit, dead_limit, dead_retention)
    VALUES (p_run, p_idempotency, p_expression, p_digest_window, p_record_limit, p_dead_limit, p_dead_retention);
    INSERT INTO chancery.sources (run_id, source, name, description, confirm)
    SELECT p_run, s.n, s.source ->> 'name', s.source -> 'description', coalesce((s.source ->> 'confirm')::boolean, false)
      FROM jsonb_array_elements(p_sources) WITH ORDINALITY AS s (source, n);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a run without a source of its own has generated records' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- What is pushed may come in a trace, as may events, and what another run was offered.
    v_is_traced := EXISTS (SELECT FROM chancery.sources s
                            WHERE s.run_id = p_run
                              AND (s.description ?| ARRAY['http', 'run'] OR s.description #>> '{format,type}' = 'CloudEvents'));
    -- What is pushed counts its arrivals: nobody lists it.
    INSERT INTO chancery.splits (run_id, source, split, part, start, position)
    SELECT p_run, s.source, 1, '{"type": "Pushed"}', 0, 0 FROM chancery.sources s
     WHERE s.run_id = p_run AND s.description ? 'http';
    EXECUTE format('ALTER TABLE chancery.%I ADD CHECK ((source IS NOT NULL AND split IS NOT NULL AND position IS NOT NULL'
                   ' AND %s) IS TRUE)', 'records_' || p_run, v_digests);
    EXECUTE format('CREATE TABLE chancery.%I (LIKE chancery.arrivals INCLUDING ALL)', 'arrivals_' || p_run);
    EXECUTE format('ALTER TABLE chancery.arrivals ATTACH PARTITION chancery.%I FOR VALUES IN (%s)',
                   'arrivals_' || p_run, p_run);
    FOREACH v_part IN ARRAY CASE WHEN v_is_judged THEN ARRAY['flags', 'alerts', 'originals', 'judgements', 'pendings', 'answers'] ELSE '{}' END
                            || CASE WHEN v_is_traced THEN ARRAY['traces'] ELSE '{}' END LOOP
        EXECUTE format('CREATE TABLE chancery.%I (LIKE chancery.%I INCLUDING ALL)', v_part || '_' || p_run, v_part);
        EXECUTE format('ALTER TABLE chancery.%I ATTACH PARTITION chancery.%I FOR VALUES IN (%s)', v_part, v_part || '_' || p_run, p_run);
    END LOOP;
    IF p_idempotency = 'None' OR to_regclass(format('chancery.%I', 'digests_' || v_ring)) IS NOT NULL THEN
        RETURN;
    END IF;
    -- Rows are written once and found by their key: only what a deleted run leaves behind has to be collected.
    EXECUTE format('CREATE TABLE chancery.%I (LIKE chancery.digests INCLUDING ALL)'
                   ' WITH (autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647)',
                   'digests_' || v_ring);
    EXECUTE format('ALTER TABLE chancery.digests ATTACH PARTITION chancery.%I FOR VALUES IN (%s)',
                   'digests_' || v_ring, v_ring);
END
$$;
