-- Gives the first unsigned batch of a run from p_floor on, or, when there is none, from the first on, to a new
-- lease. Without one, `pending` tells whether any batch is not signed yet.
CREATE OR REPLACE FUNCTION chancery.batch_claim(
    p_run integer, p_floor bigint,
    OUT lease_id bigint, OUT batch bigint, OUT first_record bigint, OUT last_record bigint,
    OUT payload_bytes bigint, OUT pending boolean)
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_floor bigint;
BEGIN
    FOREACH v_floor IN ARRAY ARRAY[p_floor, 1] LOOP
        -- The state is asked for twice because the index is one of batches that are not signed.
        UPDATE chancery.batches b SET state = 'leased', lease_id = nextval('chancery.leases_id_seq')
         WHERE b.run_id = p_run AND b.batch = (
               SELECT u.batch FROM chancery.batches u
                WHERE u.run_id = p_run AND u.batch >= v_floor AND u.state = 'unsigned' AND u.state <> 'signed'
                ORDER BY u.batch LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING b.lease_id, b.batch, b.first_record, b.last_record, b.payload_bytes
             INTO lease_id, batch, first_record, last_record, payload_bytes;
        IF FOUND THEN
            RETURN;
        END IF;
    END LOOP;
    pending := EXISTS (SELECT FROM chancery.batches b WHERE b.run_id = p_run AND b.state <> 'signed');
END
$$;
