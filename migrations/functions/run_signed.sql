-- How many batches and records of a run are signed.
--
-- Batches are first leased in ascending order. So every batch above the highest that has a live lease is unsigned,
-- and below it only what the index of pending batches holds is not signed: the cost goes with the number of batches
-- in hand, not with the size of the run.
--
-- The batches are looked at in a subtransaction that always ends in its own error: that gives back the locks of the
-- run's table. Whoever asks for thousands of runs at once would need more locks than a server has by default.
CREATE OR REPLACE FUNCTION chancery.run_signed(p_run integer, OUT batches bigint, OUT records bigint)
LANGUAGE plpgsql STABLE STRICT
    SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_front bigint;
BEGIN
    batches := 0;
    records := 0;
    SELECT max(l.batch) INTO v_front FROM chancery.leases l
     WHERE l.run_id = p_run AND NOT l.returned;
    IF v_front IS NULL THEN
        RETURN;
    END IF;
    SELECT v_front - count(*), coalesce(sum(b.first_record - b.last_record - 1), 0) INTO batches, records
      FROM chancery.batches b
     WHERE b.run_id = p_run AND b.state <> 'signed' AND b.batch <= v_front;
    records := records + coalesce((SELECT b.last_record FROM chancery.batches b
                                    WHERE b.run_id = p_run AND b.batch = v_front), 0);
    RAISE EXCEPTION USING ERRCODE = 'CH009';
EXCEPTION
    WHEN SQLSTATE 'CH009' THEN
        RETURN;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.run_signed(integer) TO chancery_operator;
