-- What is told of the records of a signed batch behind p_after that come from sources which ask for it, in order, at most p_most. Neither
-- a payload nor a signature: whoever is told knows the record by where it came from, and can ask for it by its number.
-- `traceparent`: the trace in which it came.
CREATE OR REPLACE FUNCTION chancery.records_told(p_run integer, p_batch bigint, p_after bigint, p_most bigint)
RETURNS TABLE (record bigint, data jsonb, traceparent text)
LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_batch record;
BEGIN
    EXECUTE format(
        'SELECT greatest(b.first_record, $2 + 1) AS first_record, b.last_record, l.key_id,
                to_char(l.signed_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"'') AS signed_at
           FROM chancery.%I b JOIN chancery.leases l ON l.id = b.lease_id WHERE b.state = ''signed'' AND b.batch = $1', 'batches_' || p_run)
       INTO v_batch USING p_batch, p_after;
    IF v_batch.first_record IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT r.record,
                jsonb_strip_nulls(jsonb_build_object(
                    ''record'', r.record, ''batch'', $1, ''digest'', encode(coalesce(r.digest, sha256(r.payload)), ''hex''), ''key'', $2, ''signedAt'', $3,
                    ''source'', s.name, ''split'', r.split, ''position'', r.position, ''identity'', encode(r.identity, ''hex''))),
                %2$s
           FROM chancery.%1$I r JOIN chancery.sources s ON s.run_id = $4 AND s.source = r.source AND s.confirm
          WHERE r.record BETWEEN $5 AND $6 ORDER BY r.record LIMIT $7', 'records_' || p_run, chancery.trace_query(p_run))
      USING p_batch, v_batch.key_id, v_batch.signed_at, p_run, v_batch.first_record, v_batch.last_record, p_most;
END
$$;
