-- Marks the batch of a lease signed. The signatures of the records p_first to p_end have just been stored, after those
-- from the batch's first record to p_stored_to, if any; p_library made them. False when that is not the whole batch, record
-- for record.
CREATE OR REPLACE FUNCTION chancery.batch_sign(
    p_run integer, p_batch bigint, p_lease bigint, p_stored_to bigint, p_first bigint, p_end bigint,
    p_library chancery.signing_library) RETURNS boolean
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    UPDATE chancery.batches b SET state = 'signed', library = p_library
     WHERE b.run_id = p_run AND b.batch = p_batch AND b.lease_id = p_lease AND b.last_record = p_end
       AND p_first = coalesce(p_stored_to + 1, b.first_record);
    RETURN FOUND;
END
$$;
