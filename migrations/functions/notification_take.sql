-- Gives a delivery events that are due for a notification of its run, at most p_most. The caller tells of each, and then settles them
-- (notification_settle), says that the receiver refused them (notification_fail), or gives them back (notification_give_back). They are
-- its own for p_seconds. Whoever lets them lie for longer may find that somebody else has them: both may tell of the same event, under
-- the same id.
--
-- The token is the holder's secret: whoever settles shows it, and only its hash is kept.
--
-- task:
--   tell       a row for each event; `attempts` is how often the receiver refused it, and `signing` whether batches are not signed yet.
--              Without `data`, it is told of the records of a batch, one by one (notification_records)
--   wait       nothing is due: ask again, after `seconds` at the latest
--   done       the run is complete, nothing is delivered again, and of each of its events this one was told, or it was given up
--   suspended  nothing happens to the run for now, and nothing is due
--   deleted, unknown   nothing is told of such a run; to a login, every run is unknown but its own
--
-- What happened is told also while the run is suspended, and once it is complete.
CREATE OR REPLACE FUNCTION chancery.notification_take(
    p_notification integer, p_holder text, p_token_hash bytea, p_most integer, p_seconds double precision)
RETURNS TABLE (task text, what text, happened_at text, data jsonb, traceparent text, attempts integer, seconds double precision, signing boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_one chancery.notifications%ROWTYPE;
    v_refusal text;
    v_undelivered boolean;
    v_now timestamptz;
    v_wake timestamptz;
    v_strayed bigint;
BEGIN
    IF num_nulls(p_notification, p_holder, p_token_hash, p_most, p_seconds) > 0 THEN
        RAISE EXCEPTION 'notification_take takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF octet_length(p_holder) > 1024 OR octet_length(p_token_hash) <> 32 THEN
        RAISE EXCEPTION 'a holder has at most 1024 bytes, and the hash of a token 32' USING ERRCODE = 'check_violation';
    END IF;
    -- Before its events: what completes it, or gives up the last of its batches, has written an event of that.
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = chancery.delivery_of_session();
    v_refusal := chancery.run_refusal(v_run);
    IF v_refusal IN ('unknown', 'deleted') THEN
        task := v_refusal;
        RETURN NEXT;
        RETURN;
    END IF;
    v_undelivered := chancery.run_undelivered(v_run.id);
    SELECT * INTO v_one FROM chancery.notifications n WHERE n.run_id = v_run.id AND n.notification = p_notification;
    IF NOT FOUND THEN
        task := 'unknown';
        RETURN NEXT;
        RETURN;
    END IF;
    v_now := clock_timestamp();
    -- See delivery_take.
    IF (v_one.not_before > v_now AND v_one.tried_at <= v_now) IS TRUE THEN
        -- A receiver that is down keeps nobody waiting for a run that stands still.
        task := CASE WHEN v_refusal = 'suspended' THEN 'suspended' ELSE 'wait' END;
        seconds := least(greatest(extract(epoch FROM v_one.not_before - v_now), 0.05), 2);
        RETURN NEXT;
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'WITH taken AS (
             UPDATE chancery.%1$I e SET holder = $4, token_hash = $5, not_before = $6, put_off_at = $2
              WHERE e.notification = $1 AND e.run_id = $7 AND e.what = ANY (ARRAY(
                    SELECT u.what FROM chancery.%1$I u
                     WHERE u.notification = $1 AND u.state = ''Pending'' AND u.not_before <= $2
                     ORDER BY u.not_before, u.what LIMIT $3 FOR UPDATE SKIP LOCKED))
             RETURNING e.what, e.happened_at, e.data, e.attempts, e.traceparent, e.what ~ ''^record\.signed/[0-9]+/[0-9]+$'' AS is_record)
         SELECT ''tell''::text, t.what, to_char(t.happened_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"''),
                coalesce(t.data, (
                    SELECT jsonb_build_object(
                               ''batch'', b.batch, ''firstRecord'', b.first_record, ''lastRecord'', b.last_record, ''key'', l.key_id,
                               ''signedAt'', to_char(l.signed_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"''))
                      FROM chancery.%2$I b JOIN chancery.leases l ON l.id = b.lease_id
                     WHERE t.what ~ ''^batch\.signed/[0-9]+$'' AND b.batch = split_part(t.what, ''/'', 2)::bigint),
                    m.data),
                coalesce(t.traceparent, m.traceparent), t.attempts, NULL::double precision,
                (SELECT n.batch FROM chancery.%2$I n WHERE n.state <> ''signed'' ORDER BY n.batch DESC LIMIT 1) IS NOT NULL
           FROM taken t
           LEFT JOIN LATERAL (
                SELECT k.data, k.traceparent
                  FROM chancery.records_told($7, CASE WHEN t.is_record THEN split_part(t.what, ''/'', 2)::bigint END,
                                             CASE WHEN t.is_record THEN split_part(t.what, ''/'', 3)::bigint - 1 END, 1) k
                 WHERE t.is_record) m ON true
          ORDER BY t.happened_at, t.what', 'events_' || v_run.id, 'batches_' || v_run.id)
      USING p_notification, v_now, least(greatest(p_most, 1), 1000), p_holder, p_token_hash,
            v_now + make_interval(secs => least(greatest(p_seconds, 1), 3600)), v_run.id;
    IF FOUND THEN
        RETURN;
    END IF;
    EXECUTE format('UPDATE chancery.%I e SET not_before = $2, put_off_at = $2
                     WHERE e.notification = $1 AND e.state = ''Pending'' AND e.put_off_at > clock_timestamp()',
                   'events_' || v_run.id) USING p_notification, v_now;
    GET DIAGNOSTICS v_strayed = ROW_COUNT;
    EXECUTE format('SELECT min(e.not_before) FROM chancery.%I e WHERE e.notification = $1 AND e.state = ''Pending''', 'events_' || v_run.id)
       INTO v_wake USING p_notification;
    task := CASE WHEN v_wake IS NOT NULL OR v_refusal IS NULL THEN 'wait' WHEN v_refusal = 'complete' AND v_undelivered THEN 'wait' WHEN v_refusal = 'complete' THEN 'done' ELSE v_refusal END;
    -- What happens meanwhile tells nobody.
    seconds := CASE WHEN v_strayed > 0 THEN 0.05 ELSE least(greatest(coalesce(extract(epoch FROM greatest(v_wake, v_now) - v_now), 2), 0.05), 2) END;
    RETURN NEXT;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.notification_take(integer, text, bytea, integer, double precision) TO chancery_delivery;
