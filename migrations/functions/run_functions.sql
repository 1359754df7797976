-- Makes the functions that work on a run's own table of batches, or makes them anew. A session plans them once. A statement
-- that names the table in a text is planned each time, which took a tenth of all that a batch costs the database, and a plan
-- for any run would have to open the tables of all. run_remove drops them.
--
-- batch_claim_RUN gives the first unsigned batch from p_floor on, or, when there is none, from the first on, to a new lease.
-- Without one, `pending` tells whether any batch is not signed yet. (The state is asked for twice because the index is one of
-- batches that are not signed.)
--
-- batch_sign_RUN marks the batch of a lease signed. The signatures of the records p_first to p_end are being stored, after those
-- from the batch's first record to p_stored_to, if any; p_library made them. False when that is not the whole batch, record
-- for record. With it comes a delivery of the batch to each sink of the run, and an event for each notification that is told of it;
-- one more for each that is told of its records, however many these are (notification_records).
CREATE OR REPLACE FUNCTION chancery.run_functions(p_run integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_deliveries text := (SELECT string_agg(format('(p_batch, %s, %s)', s.sink, p_run), ', ' ORDER BY s.sink)
                            FROM chancery.sinks s WHERE s.run_id = p_run);
    v_events text := (SELECT string_agg(format('(''%s/'' || p_batch, %s, %s)', e.event, n.notification, p_run), ', ' ORDER BY n.notification, e.event)
                        FROM chancery.notifications n JOIN unnest(ARRAY['batch.signed', 'record.signed']) AS e (event) ON e.event = ANY (n.events)
                       WHERE n.run_id = p_run);
    v_after text := concat_ws(' ',
        format('INSERT INTO chancery.%I (batch, sink, run_id) VALUES ', 'deliveries_' || p_run) || v_deliveries || ';',
        format('INSERT INTO chancery.%I (what, notification, run_id) VALUES ', 'events_' || p_run) || v_events || ';');
BEGIN
    IF to_regproc('chancery.batch_claim_' || p_run) IS NOT NULL THEN
        EXECUTE format('DROP FUNCTION chancery.%I, chancery.%I', 'batch_claim_' || p_run, 'batch_sign_' || p_run);
    END IF;
    EXECUTE format($claim$
        CREATE FUNCTION chancery.%1$I(
            p_floor bigint, OUT lease_id bigint, OUT batch bigint, OUT first_record bigint, OUT last_record bigint,
            OUT payload_bytes bigint, OUT pending boolean)
        LANGUAGE plpgsql AS $body$
        DECLARE
            v_floor bigint;
        BEGIN
            FOREACH v_floor IN ARRAY ARRAY[p_floor, 1] LOOP
                UPDATE chancery.%2$I b SET state = 'leased', lease_id = nextval('chancery.leases_id_seq')
                 WHERE b.batch = (
                       SELECT u.batch FROM chancery.%2$I u
                        WHERE u.batch >= v_floor AND u.state = 'unsigned' AND u.state <> 'signed'
                        ORDER BY u.batch LIMIT 1 FOR UPDATE SKIP LOCKED)
                RETURNING b.lease_id, b.batch, b.first_record, b.last_record, b.payload_bytes
                     INTO lease_id, batch, first_record, last_record, payload_bytes;
                IF FOUND THEN
                    RETURN;
                END IF;
            END LOOP;
            pending := EXISTS (SELECT FROM chancery.%2$I b WHERE b.state <> 'signed');
        END
        $body$
        $claim$, 'batch_claim_' || p_run, 'batches_' || p_run);
    EXECUTE format($sign$
        CREATE FUNCTION chancery.%1$I(
            p_batch bigint, p_lease bigint, p_stored_to bigint, p_first bigint, p_end bigint,
            p_library chancery.signing_library) RETURNS boolean
        LANGUAGE plpgsql AS $body$
        BEGIN
            UPDATE chancery.%2$I b SET state = 'signed', library = p_library
             WHERE b.batch = p_batch AND b.lease_id = p_lease AND b.last_record = p_end
               AND p_first = coalesce(p_stored_to + 1, b.first_record);
            %3$s
        END
        $body$
        $sign$, 'batch_sign_' || p_run, 'batches_' || p_run,
        CASE WHEN v_after = '' THEN 'RETURN FOUND;' ELSE 'IF NOT FOUND THEN RETURN false; END IF; ' || v_after || ' RETURN true;' END);
    -- PostgreSQL lets everybody call a new function.
    EXECUTE format('REVOKE ALL ON FUNCTION chancery.%I, chancery.%I FROM PUBLIC',
                   'batch_claim_' || p_run, 'batch_sign_' || p_run);
END
$$;
