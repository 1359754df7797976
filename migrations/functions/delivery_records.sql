-- The records of the batches p_batch to p_last that the caller was given by delivery_take, with their signatures, in order: those after
-- p_after, up to the one with which their payloads have p_bytes. Nothing of a batch that is somebody else's by now: if one of them is,
-- there is only p_batch. `marks` is what a policy said of a record: the score and the rules that hit of one that is flagged, the rules
-- that raised alerts about any other. `traceparent`: the trace in which it came, if it came in one.
--
-- The statements are planned anew each time, which costs as much as reading a batch: so it reads several. Of such as are too long for
-- one answer, there is no more in it than one range of signatures covers.
--
-- The run's own tables are named: asked by their parents, the server would choose among the tables of all runs each time. Of a run to
-- which programs push, ranges of signatures are found by their exclusion constraint, and of others by the record that they begin with.
-- Something empty is appended to signatures, so that they are read once, and not for each of their records.
CREATE OR REPLACE FUNCTION chancery.delivery_records(
    p_sink integer, p_token bytea, p_batch bigint, p_last bigint, p_after bigint, p_bytes bigint)
RETURNS TABLE (record bigint, digest bytea, payload bytea, signature bytea, marks text, traceparent text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_batch record;
    v_is_pushed boolean := EXISTS (SELECT FROM chancery.sources s WHERE s.run_id = v_run AND s.description ? 'http');
BEGIN
    IF num_nulls(p_sink, p_token, p_batch, p_last, p_after, p_bytes) > 0 THEN
        RAISE EXCEPTION 'delivery_records takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_run IS NULL OR to_regclass(format('chancery.%I', 'deliveries_' || v_run)) IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'WITH held AS (
             SELECT b.batch, b.first_record, b.last_record, b.payload_bytes FROM chancery.%I d JOIN chancery.%I b ON b.batch = d.batch
              WHERE d.batch BETWEEN $2 AND $5 AND d.sink = $1 AND d.run_id = $4 AND d.token_hash = sha256($3))
         SELECT min(h.first_record) AS first_record, max(h.last_record) AS last_record, sum(h.payload_bytes) > $6 AS is_long
           FROM held h
          WHERE EXISTS (SELECT FROM held f WHERE f.batch = $2) AND (h.batch = $2 OR (SELECT count(*) FROM held) = $5 - $2 + 1)',
        'deliveries_' || v_run, 'batches_' || v_run)
       INTO v_batch USING p_sink, p_batch, p_token, v_run, p_last, p_bytes;
    IF v_batch.first_record IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT r.record, coalesce(r.digest, sha256(r.payload)), r.payload,
                substring(b.signatures FROM ((r.record - b.first_record) * b.bytes + 1)::integer FOR b.bytes::integer), %4$s, %5$s
           FROM (SELECT c.first_record, c.last_record, c.signatures || '''' AS signatures,
                        octet_length(c.signatures) / (c.last_record - c.first_record + 1) AS bytes
                   FROM chancery.%2$I c WHERE %3$s AND c.last_record > $3
                  ORDER BY c.first_record LIMIT CASE WHEN $5 THEN 1 END) b
          CROSS JOIN LATERAL (
                SELECT w.record, w.digest, w.payload, w.source, w.split, w.position
                  FROM (SELECT a.record, a.digest, a.payload, a.source, a.split, a.position,
                               sum(octet_length(a.payload)) OVER (ORDER BY a.record) - octet_length(a.payload) AS before
                          FROM chancery.%1$I a
                         WHERE a.record BETWEEN greatest(b.first_record, $1, $3 + 1) AND least(b.last_record, $2)) w
                 WHERE w.before < $4 OFFSET 0) r
          ORDER BY b.first_record, r.record', 'records_' || v_run, 'signature_blocks_' || v_run,
        CASE WHEN v_is_pushed
             THEN '(CASE WHEN c.first_record <= c.last_record AND c.last_record < 9223372036854775807
                         THEN int8range(c.first_record, c.last_record, ''[]'') END) && int8range($1, $2, ''[]'')'
             ELSE 'c.first_record BETWEEN $1 AND $2' END,
        -- A run has these tables if it has a policy.
        CASE WHEN to_regclass(format('chancery.%I', 'flags_' || v_run)) IS NULL THEN 'NULL::text'
             ELSE format('coalesce((SELECT jsonb_build_object(''score'', f.score, ''hits'', f.hits) FROM chancery.%I f WHERE f.record = r.record),
                                   (SELECT jsonb_build_object(''hits'', jsonb_agg(jsonb_build_object(
                                               ''rule'', k.rule, ''action'', ''Alert'', ''message'', k.message) ORDER BY k.rule COLLATE "C"))
                                      FROM chancery.%I k WHERE k.record = r.record HAVING count(*) > 0))::text',
                         'flags_' || v_run, 'alerts_' || v_run) END,
        chancery.trace_query(v_run))
      USING v_batch.first_record, v_batch.last_record, p_after, p_bytes, v_batch.is_long;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.delivery_records(integer, bytea, bigint, bigint, bigint, bigint) TO chancery_delivery;
