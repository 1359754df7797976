-- Admits the records up to p_records, which are stored, and makes the batches that are full by them: the one place
-- where a batch gets its bounds. In the run's turn (run_turn).
CREATE OR REPLACE FUNCTION chancery.batches_close(p_run integer, p_records bigint) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_size bigint;
    v_intake chancery.admissions%ROWTYPE;
    v_now timestamptz := clock_timestamp();
    v_full bigint;
    v_made bigint;
BEGIN
    SELECT r.batch_size INTO STRICT v_size FROM chancery.runs r WHERE r.id = p_run;
    SELECT * INTO STRICT v_intake FROM chancery.admissions a WHERE a.run_id = p_run;
    IF p_records <= v_intake.records THEN
        RETURN;
    END IF;
    v_full := (p_records - v_intake.batched) / v_size;
    IF v_full > 0 THEN
        INSERT INTO chancery.batches (batch, run_id, first_record, last_record, payload_bytes,
                                      opened_at, closed_at, closed_by)
        SELECT v_intake.batches + 1 + b.place, p_run, b.first_record, b.last_record, b.bytes,
               CASE WHEN b.place = 0 THEN least(coalesce(v_intake.opened_at, v_now), v_now) ELSE v_now END, v_now, 'Full'
          FROM (SELECT (r.record - v_intake.batched - 1) / v_size AS place, min(r.record) AS first_record,
                       max(r.record) AS last_record, sum(octet_length(r.payload)) AS bytes
                  FROM chancery.records r
                 WHERE r.run_id = p_run AND r.record > v_intake.batched AND r.record <= v_intake.batched + v_full * v_size
                 GROUP BY 1 HAVING count(*) = v_size) b;
        GET DIAGNOSTICS v_made = ROW_COUNT;
        IF v_made <> v_full THEN
            RAISE EXCEPTION 'run %: of the records % to % some are missing', p_run,
                v_intake.batched + 1, v_intake.batched + v_full * v_size USING ERRCODE = 'data_exception';
        END IF;
    END IF;
    UPDATE chancery.admissions a
       SET records = p_records, batches = a.batches + v_full, batched = a.batched + v_full * v_size,
           opened_at = CASE WHEN a.batched + v_full * v_size = p_records THEN NULL
                            WHEN v_full = 0 THEN coalesce(a.opened_at, v_now)
                            ELSE v_now END
     WHERE a.run_id = p_run;
END
$$;
