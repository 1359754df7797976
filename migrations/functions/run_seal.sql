-- Seals a run whose source has given all it has: closes the last batch, however short, and fixes the number of
-- records. True when the run is, or was, sealed; false while records are missing.
CREATE OR REPLACE FUNCTION chancery.run_seal(p_run integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_intake chancery.admissions%ROWTYPE;
    v_now timestamptz;
    v_stored bigint;
    v_bytes bigint;
BEGIN
    PERFORM chancery.run_turn(p_run);
    -- Whoever removes the run takes its row first, and finds it sealed or not at all.
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run FOR UPDATE;
    IF NOT FOUND OR v_run.deleted_at IS NOT NULL THEN
        RETURN false;
    END IF;
    IF v_run.sealed_at IS NOT NULL THEN
        RETURN true;
    END IF;
    SELECT * INTO STRICT v_intake FROM chancery.admissions a WHERE a.run_id = p_run;
    IF v_intake.records < (SELECT g.record_count FROM chancery.generated_sources g WHERE g.run_id = p_run)
       OR chancery.sources_open(p_run, v_intake.records)
       OR EXISTS (SELECT FROM chancery.intakes i WHERE i.run_id = p_run AND i.pending > 0) THEN
        RETURN false;
    END IF;
    v_now := clock_timestamp();
    IF v_intake.batched < v_intake.records THEN
        SELECT count(*), sum(octet_length(r.payload)) INTO v_stored, v_bytes FROM chancery.records r
         WHERE r.run_id = p_run AND r.record > v_intake.batched AND r.record <= v_intake.records;
        IF v_stored <> v_intake.records - v_intake.batched THEN
            RAISE EXCEPTION 'run %: of the records % to % some are missing', p_run,
                v_intake.batched + 1, v_intake.records USING ERRCODE = 'data_exception';
        END IF;
        INSERT INTO chancery.batches (batch, run_id, first_record, last_record, payload_bytes,
                                      opened_at, closed_at, closed_by)
        VALUES (v_intake.batches + 1, p_run, v_intake.batched + 1, v_intake.records, v_bytes,
                least(v_intake.opened_at, v_now), v_now, 'Sealed');
        UPDATE chancery.admissions a SET batches = a.batches + 1, batched = a.records, opened_at = NULL
         WHERE a.run_id = p_run;
    END IF;
    UPDATE chancery.runs r SET record_count = v_intake.records, sealed_at = v_now WHERE r.id = p_run;
    RETURN true;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.run_seal(integer) TO chancery_operator;
