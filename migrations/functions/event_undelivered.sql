-- Writes down that batches of a run were given up for a sink, each by itself: it may be taken up again, and be given up once more, of
-- which is told, too. What the sink said is left out: it may repeat a payload.
CREATE OR REPLACE FUNCTION chancery.event_undelivered(p_run integer, p_sink integer, p_batches bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_batch record;
BEGIN
    IF NOT chancery.event_wanted(p_run, 'delivery.dead') THEN
        RETURN;
    END IF;
    FOR v_batch IN EXECUTE format(
        'SELECT b.batch, b.first_record, b.last_record, s.name AS sink, s.attempt_limit, d.redrives
           FROM chancery.%I d
           JOIN chancery.%I b ON b.batch = d.batch
           JOIN chancery.sinks s ON s.run_id = $1 AND s.sink = $2
          WHERE d.sink = $2 AND d.batch = ANY ($3) AND d.run_id = $1 ORDER BY d.batch', 'deliveries_' || p_run, 'batches_' || p_run)
        USING p_run, p_sink, p_batches
    LOOP
        PERFORM chancery.event_write(
            p_run, 'delivery.dead', format('%s/%s/%s', p_sink, v_batch.batch, v_batch.redrives),
            jsonb_build_object('sink', v_batch.sink, 'batch', v_batch.batch, 'firstRecord', v_batch.first_record,
                               'lastRecord', v_batch.last_record, 'refusals', v_batch.attempt_limit));
    END LOOP;
END
$$;
