-- Makes the batch of a lease that has ended without signatures wait for another signer.
CREATE OR REPLACE FUNCTION chancery.batch_return(p_run integer, p_batch bigint, p_lease bigint) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    UPDATE chancery.batches b SET state = 'unsigned', lease_id = NULL
     WHERE b.run_id = p_run AND b.batch = p_batch AND b.lease_id = p_lease;
END
$$;
