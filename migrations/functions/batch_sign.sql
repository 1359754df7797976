-- Marks the batch of a lease signed. The signatures of the records p_first to p_end have just been stored;
-- false when those before, stored under the same lease, do not make them the whole batch.
CREATE OR REPLACE FUNCTION chancery.batch_sign(
    p_run integer, p_batch bigint, p_lease bigint, p_first bigint, p_end bigint) RETURNS boolean
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_batch_first bigint;
    v_stored bigint := 0;
BEGIN
    UPDATE chancery.batches b SET state = 'signed'
     WHERE b.run_id = p_run AND b.batch = p_batch AND b.lease_id = p_lease
       AND b.last_record = p_end AND b.first_record <= p_first
    RETURNING b.first_record INTO v_batch_first;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF v_batch_first < p_first THEN
        SELECT count(*) INTO v_stored FROM chancery.signatures s
         WHERE s.run_id = p_run AND s.record >= v_batch_first AND s.record < p_first AND s.lease_id = p_lease;
    END IF;
    RETURN v_stored = p_first - v_batch_first;
END
$$;
