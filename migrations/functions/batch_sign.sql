-- Marks the batch of a lease signed. The signatures of the records p_first to p_end are being stored, after those
-- from the batch's first record to p_stored_to, if any; p_library made them. False when that is not the whole batch, record
-- for record.
--
-- The run's own table is named, as in batch_claim.
CREATE OR REPLACE FUNCTION chancery.batch_sign(
    p_run integer, p_batch bigint, p_lease bigint, p_stored_to bigint, p_first bigint, p_end bigint,
    p_library chancery.signing_library) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_signed bigint;
BEGIN
    EXECUTE format(
        'UPDATE chancery.%I b SET state = ''signed'', library = $6
          WHERE b.batch = $1 AND b.lease_id = $2 AND b.last_record = $5 AND $4 = coalesce($3 + 1, b.first_record)',
        'batches_' || p_run)
      USING p_batch, p_lease, p_stored_to, p_first, p_end, p_library;
    GET DIAGNOSTICS v_signed = ROW_COUNT;
    RETURN v_signed = 1;
END
$$;
