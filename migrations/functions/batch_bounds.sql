-- First and last record of the batch that a lease is for; null when the lease is for another one.
--
-- The run's own table is named: asked by their parent, the server would choose among the tables of all runs each time. A store
-- asks for it only for a part of a batch, so it is no function of the run (run_functions).
CREATE OR REPLACE FUNCTION chancery.batch_bounds(
    p_run integer, p_batch bigint, p_lease bigint, OUT first_record bigint, OUT last_record bigint)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT b.first_record, b.last_record FROM chancery.%I b WHERE b.batch = $1 AND b.lease_id = $2',
                   'batches_' || p_run)
       INTO first_record, last_record USING p_batch, p_lease;
END
$$;
