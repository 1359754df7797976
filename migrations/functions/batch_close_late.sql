-- Closes the batch that waits for more records in a run with a batching period, once that has passed since the first of them
-- was admitted. Returns after how many seconds to look again; null once no batch will wait any more, or for a run without a
-- period.
--
-- Whoever asks first closes it. The commit does not wait for the disk: should the server crash, the records wait again.
CREATE OR REPLACE FUNCTION chancery.batch_close_late(p_run integer) RETURNS double precision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_period interval := (SELECT min((s.description #>> '{http,periodMicros}')::double precision) * interval '1 microsecond'
                            FROM chancery.sources s WHERE s.run_id = p_run);
    v_waits chancery.admissions%ROWTYPE;
    v_now timestamptz;
    v_stored bigint;
    v_bytes bigint;
BEGIN
    -- Most calls find nothing to do, and need no turn for that.
    FOR v_look IN 1..2 LOOP
        SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run;
        IF v_period IS NULL OR v_run.id IS NULL OR v_run.sealed_at IS NOT NULL OR v_run.deleted_at IS NOT NULL THEN
            RETURN NULL;
        END IF;
        SELECT * INTO STRICT v_waits FROM chancery.admissions a WHERE a.run_id = p_run;
        v_now := clock_timestamp();
        IF v_waits.opened_at IS NULL THEN
            RETURN extract(epoch FROM v_period);
        ELSIF v_waits.opened_at <= v_now AND v_waits.opened_at + v_period > v_now THEN
            RETURN extract(epoch FROM v_waits.opened_at + v_period - v_now);
        END IF;
        PERFORM chancery.run_turn(p_run);
    END LOOP;
    PERFORM set_config('synchronous_commit', 'off', true);
    IF v_waits.opened_at > v_now THEN
        -- The clock was set back since: the period begins anew.
        UPDATE chancery.admissions a SET opened_at = v_now WHERE a.run_id = p_run;
        RETURN extract(epoch FROM v_period);
    END IF;
    SELECT count(*), sum(octet_length(r.payload)) INTO v_stored, v_bytes FROM chancery.records r
     WHERE r.run_id = p_run AND r.record > v_waits.batched AND r.record <= v_waits.records;
    IF v_stored <> v_waits.records - v_waits.batched THEN
        RAISE EXCEPTION 'run %: of the records % to % some are missing', p_run, v_waits.batched + 1, v_waits.records
            USING ERRCODE = 'data_exception';
    END IF;
    INSERT INTO chancery.batches (batch, run_id, first_record, last_record, payload_bytes, opened_at, closed_at, closed_by)
    VALUES (v_waits.batches + 1, p_run, v_waits.batched + 1, v_waits.records, v_bytes, v_waits.opened_at, v_now, 'Period');
    UPDATE chancery.admissions a SET batches = a.batches + 1, batched = a.records, opened_at = NULL WHERE a.run_id = p_run;
    RETURN extract(epoch FROM v_period);
END
$$;

GRANT EXECUTE ON FUNCTION chancery.batch_close_late(integer) TO chancery_operator;
