-- Takes a part out of a table of all runs or rings: what the deleted run p_number has of records, batches, blocks of signatures,
-- arrivals, what its policy said, deliveries or events, or the digests of the keyring p_number. False when it is out already.
--
-- That takes ACCESS EXCLUSIVE on the parent for a moment, and everybody queues behind whoever waits for it. So it gives
-- up after a short while (55P03, lock_not_available), and the caller comes again later: somebody may have a snapshot
-- open for as long as an audit takes. DETACH CONCURRENTLY would wait without a queue, but not within a function, and
-- only the owner may ask for it.
--
-- The commit does not wait for the disk, since the parent is locked until then. One that is lost in a crash is done again.
CREATE OR REPLACE FUNCTION chancery.part_detach(p_parent text, p_number integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '50ms' AS $$
DECLARE
    v_part name := p_parent || '_' || p_number;
    v_pending boolean;
BEGIN
    PERFORM chancery.part_refuse(p_parent, p_number);
    SELECT i.inhdetachpending INTO v_pending FROM pg_inherits i
     WHERE i.inhparent = to_regclass(format('chancery.%I', p_parent))
       AND i.inhrelid = to_regclass(format('chancery.%I', v_part));
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM set_config('synchronous_commit', 'off', true);
    -- A former version detached concurrently, and may have been broken off.
    EXECUTE format('ALTER TABLE chancery.%I DETACH PARTITION chancery.%I%s', p_parent, v_part,
                   CASE WHEN v_pending THEN ' FINALIZE' ELSE '' END);
    RETURN true;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.part_detach(text, integer) TO chancery_operator;
