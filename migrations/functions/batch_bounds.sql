-- First and last record of the batch that a lease is for; null when the lease is for another one.
CREATE OR REPLACE FUNCTION chancery.batch_bounds(
    p_run integer, p_batch bigint, p_lease bigint, OUT first_record bigint, OUT last_record bigint)
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    SELECT b.first_record, b.last_record INTO first_record, last_record FROM chancery.batches b
     WHERE b.run_id = p_run AND b.batch = p_batch AND b.lease_id = p_lease;
END
$$;
