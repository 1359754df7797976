-- Gives the first unsigned batch of a run from p_floor on, or, when there is none, from the first on, to a new
-- lease. Without one, `pending` tells whether any batch is not signed yet.
--
-- The run's own table is named: asked by their parent, the server would choose among the tables of all runs each time.
CREATE OR REPLACE FUNCTION chancery.batch_claim(
    p_run integer, p_floor bigint,
    OUT lease_id bigint, OUT batch bigint, OUT first_record bigint, OUT last_record bigint,
    OUT payload_bytes bigint, OUT pending boolean)
LANGUAGE plpgsql AS $$
DECLARE
    v_floor bigint;
BEGIN
    FOREACH v_floor IN ARRAY ARRAY[p_floor, 1] LOOP
        -- The state is asked for twice because the index is one of batches that are not signed.
        EXECUTE format(
            'UPDATE chancery.%1$I b SET state = ''leased'', lease_id = nextval(''chancery.leases_id_seq'')
              WHERE b.batch = (
                    SELECT u.batch FROM chancery.%1$I u
                     WHERE u.batch >= $1 AND u.state = ''unsigned'' AND u.state <> ''signed''
                     ORDER BY u.batch LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING b.lease_id, b.batch, b.first_record, b.last_record, b.payload_bytes', 'batches_' || p_run)
           INTO lease_id, batch, first_record, last_record, payload_bytes
          USING v_floor;
        IF batch IS NOT NULL THEN
            RETURN;
        END IF;
    END LOOP;
    EXECUTE format('SELECT EXISTS (SELECT FROM chancery.%I b WHERE b.state <> ''signed'')', 'batches_' || p_run)
       INTO pending;
END
$$;
