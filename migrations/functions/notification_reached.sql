-- Says how far a delivery is that tells of the records of signed batches (notification_records). Of each of the events p_whats: the last
-- record up to which all is done, or 0 if nothing was since this was said, and how many the receiver was told of since. They are the
-- caller's for p_seconds more.
--
-- p_refused are records among them, by their own `what`, that the receiver refused: an answer about each. Each gets a row of its own, in
-- the state in which notification_fail would leave it, so that it holds up no other. Events that somebody else has by now are left
-- alone. Returns how many events were the caller's, and how many records are dead letters.
CREATE OR REPLACE FUNCTION chancery.notification_reached(
    p_notification integer, p_token bytea, p_whats text[], p_reached bigint[], p_told bigint[],
    p_refused text[], p_errors text[], p_pauses double precision[], p_seconds double precision, OUT held bigint, OUT dead bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_limit integer;
    v_told bigint;
    v_refused bigint;
    v_now timestamptz := clock_timestamp();
BEGIN
    IF num_nulls(p_notification, p_token, p_whats, p_reached, p_told, p_refused, p_errors, p_pauses, p_seconds) > 0
       OR cardinality(p_whats) <> cardinality(p_reached) OR cardinality(p_whats) <> cardinality(p_told)
       OR cardinality(p_refused) <> cardinality(p_errors) OR cardinality(p_refused) <> cardinality(p_pauses)
       OR num_nulls(array_position(p_reached, NULL), array_position(p_told, NULL), array_position(p_errors, NULL),
                    array_position(p_pauses, NULL)) < 4 THEN
        RAISE EXCEPTION 'each batch needs a record and a count, and each record that is refused an error and a pause'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    held := 0;
    dead := 0;
    SELECT n.attempt_limit INTO v_limit FROM chancery.notifications n WHERE n.run_id = v_run AND n.notification = p_notification;
    IF v_limit IS NULL OR to_regclass(format('chancery.%I', 'events_' || v_run)) IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'WITH noted AS (
             UPDATE chancery.%1$I e
                SET told_to = CASE WHEN w.reached > 0 THEN w.reached ELSE e.told_to END,
                    told = CASE WHEN w.reached > 0 THEN coalesce(e.told, 0) + w.told ELSE e.told END, not_before = $10, put_off_at = $9
               FROM unnest($3, $4, $5) AS w (what, reached, told)
              WHERE e.what = w.what AND e.what ~ ''^record[.]signed/[0-9]{1,18}$'' AND e.notification = $1 AND e.run_id = $11
                AND e.token_hash = sha256($2)
             RETURNING e.what, e.happened_at, CASE WHEN w.reached > 0 THEN w.told ELSE 0 END AS told),
         refused AS (
             INSERT INTO chancery.%1$I (what, notification, run_id, happened_at, state, attempts, last_error, ended_at, not_before, put_off_at)
             SELECT f.what, $1, $11, n.happened_at, (CASE WHEN $12 <= 1 THEN ''Dead'' ELSE ''Pending'' END)::chancery.delivery_state, 1,
                    left(f.error, 1024), CASE WHEN $12 <= 1 THEN $9 END, $9 + make_interval(secs => least(greatest(f.pause, 0), 3600)), $9
               FROM (SELECT u.*, CASE WHEN u.what ~ ''^record[.]signed/[0-9]{1,18}/[0-9]{1,18}$'' THEN split_part(u.what, ''/'', 2)::bigint END AS batch
                       FROM unnest($6, $7, $8) AS u (what, error, pause) OFFSET 0) f
               JOIN noted n ON n.what = ''record.signed/'' || f.batch
               JOIN chancery.%2$I b ON b.batch = f.batch AND split_part(f.what, ''/'', 3)::bigint BETWEEN b.first_record AND b.last_record
             ON CONFLICT DO NOTHING
             RETURNING state)
         SELECT (SELECT count(*) FROM noted), (SELECT coalesce(sum(n.told), 0) FROM noted n), (SELECT count(*) FROM refused),
                (SELECT count(*) FROM refused r WHERE r.state = ''Dead'')', 'events_' || v_run, 'batches_' || v_run)
       INTO held, v_told, v_refused, dead
      USING p_notification, p_token, p_whats, p_reached, p_told, p_refused, p_errors, p_pauses, v_now,
            v_now + make_interval(secs => least(greatest(p_seconds, 1), 3600)), v_run, v_limit;
    IF v_told + v_refused > 0 THEN
        -- Whoever answers can be reached.
        UPDATE chancery.notifications n
           SET told = n.told + v_told, dead = n.dead + notification_reached.dead,
               unavailable_since = NULL, failures = 0, not_before = NULL, tried_at = NULL, last_error = NULL
         WHERE n.run_id = v_run AND n.notification = p_notification;
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.notification_reached(
    integer, bytea, text[], bigint[], bigint[], text[], text[], double precision[], double precision) TO chancery_delivery;
