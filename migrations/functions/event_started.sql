-- Writes down that a run is in the ledger: what it is is pinned, and its work begins, at once or once it is no longer suspended.
CREATE OR REPLACE FUNCTION chancery.event_started(p_run integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM chancery.event_write(
        p_run, 'run.started', NULL,
        (SELECT jsonb_strip_nulls(jsonb_build_object(
                    'keyring', k.namespace || '/' || k.name, 'algorithm', k.algorithm, 'batchSize', r.batch_size,
                    'records', g.record_count, 'policy', r.policy_name, 'suspended', r.suspended))
           FROM chancery.runs r
           JOIN chancery.keyrings k ON k.id = r.keyring_id
           LEFT JOIN chancery.generated_sources g ON g.run_id = r.id
          WHERE r.id = p_run));
END
$$;
