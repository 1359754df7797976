-- Gives a delivery signed batches that are due for a sink of its run, at most p_most; of a sink that takes them in order, the next one.
-- The caller brings them there, and then settles them (delivery_settle), says that the sink refused them (delivery_fail), or gives them
-- back (delivery_give_back). They are its own for p_seconds, unless it prolongs that (delivery_renew). Whoever lets them lie for longer
-- may find that somebody else has them: both may bring the same batch, and the sink has to see that it is the same.
--
-- The token is the holder's secret: whoever settles shows it, and only its hash is kept.
--
-- task:
--   deliver    a row for each batch, with its records, the public key that they are signed with, and when they were; `attempts` is how
--              often the sink refused it, and `signing` whether other batches are not signed yet
--   manifest   a row for the sink's manifest, which says what it has: `batch` is its number (manifest_head). It is settled by manifest_settle
--   wait       nothing is due: ask again, after `seconds` at the latest
--   done       the run is sealed, and each of its batches is at this sink, or a dead letter, and so is its manifest
--   complete, suspended, deleted, unknown   nothing is delivered for such a run; to a login, every run is unknown but its own. Of one that
--              is complete, what was given up may be taken up again, and is delivered (deliveries_act)
CREATE OR REPLACE FUNCTION chancery.delivery_take(
    p_sink integer, p_holder text, p_token_hash bytea, p_most integer, p_seconds double precision)
RETURNS TABLE (
    task text, batch bigint, first_record bigint, last_record bigint, attempts integer, public_key bytea, signed_at text,
    seconds double precision, signing boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_sink chancery.sinks%ROWTYPE;
    v_now timestamptz;
    v_wake timestamptz;
    v_strayed bigint;
    v_open text := '';
BEGIN
    IF num_nulls(p_sink, p_holder, p_token_hash, p_most, p_seconds) > 0 THEN
        RAISE EXCEPTION 'delivery_take takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF octet_length(p_holder) > 1024 OR octet_length(p_token_hash) <> 32 THEN
        RAISE EXCEPTION 'a holder has at most 1024 bytes, and the hash of a token 32' USING ERRCODE = 'check_violation';
    END IF;
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = chancery.delivery_of_session();
    task := chancery.run_refusal(v_run);
    IF task IS NULL OR task = 'complete' THEN
        SELECT * INTO v_sink FROM chancery.sinks s WHERE s.run_id = v_run.id AND s.sink = p_sink;
        IF NOT FOUND THEN
            task := 'unknown';
        ELSIF v_sink.redriven > 0
              OR EXISTS (SELECT FROM chancery.manifests m WHERE m.run_id = v_run.id AND m.sink = p_sink AND m.ended_at IS NULL) THEN
            task := NULL;
        END IF;
    END IF;
    IF task IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    v_now := clock_timestamp();
    -- What was put off by a clock that has been set back since is due.
    IF (v_sink.not_before > v_now AND v_sink.tried_at <= v_now) IS TRUE THEN
        task := 'wait';
        seconds := least(greatest(extract(epoch FROM v_sink.not_before - v_now), 0.05), 2);
        RETURN NEXT;
        RETURN;
    END IF;
    IF v_sink.ordered THEN
        -- Those that have ended, or are taken up again, are the first ones of the run. The next one is found by its number: all that are due
        -- would be looked at each time.
        v_open := format(CASE WHEN v_sink.redriven > 0 THEN 'AND (u.redrives > 0 OR u.batch = %s)' ELSE 'AND u.batch = %s' END,
                         v_sink.delivered + v_sink.dead + v_sink.redriven + 1);
    END IF;
    RETURN QUERY EXECUTE format(
        'WITH taken AS (
             UPDATE chancery.%1$I d SET holder = $4, token_hash = $5, not_before = $6, put_off_at = $2
              WHERE d.sink = $1 AND d.run_id = $7 AND d.batch = ANY (ARRAY(
                    SELECT u.batch FROM chancery.%1$I u
                     WHERE u.sink = $1 AND u.state = ''Pending'' AND u.not_before <= $2 %3$s
                     ORDER BY u.not_before, u.batch LIMIT $3 FOR UPDATE SKIP LOCKED))
             RETURNING d.batch, d.attempts)
         SELECT ''deliver''::text, t.batch, b.first_record, b.last_record, t.attempts,
                (SELECT m.public_key FROM chancery.key_material m WHERE m.key_id = l.key_id),
                to_char(l.signed_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"''), NULL::double precision,
                (SELECT n.batch FROM chancery.%2$I n WHERE n.state <> ''signed'' ORDER BY n.batch DESC LIMIT 1) IS NOT NULL
           FROM taken t
           JOIN chancery.%2$I b ON b.batch = t.batch
           JOIN chancery.leases l ON l.id = b.lease_id
          ORDER BY t.batch', 'deliveries_' || v_run.id, 'batches_' || v_run.id,
        v_open)
      USING p_sink, v_now, least(greatest(p_most, 1), 10000), p_holder, p_token_hash,
            v_now + make_interval(secs => least(greatest(p_seconds, 1), 3600)), v_run.id;
    IF FOUND THEN
        RETURN;
    END IF;
    IF v_run.sealed_at IS NOT NULL
       AND v_sink.delivered + v_sink.dead = (SELECT a.batches FROM chancery.admissions a WHERE a.run_id = v_run.id) THEN
        SELECT t.task, t.number, t.attempts, t.seconds INTO task, batch, attempts, seconds
          FROM chancery.manifest_take(v_run.id, p_sink, p_holder, p_token_hash, p_seconds) t;
        IF task = 'done' THEN
            PERFORM chancery.run_complete(v_run.id);
        END IF;
        RETURN NEXT;
        RETURN;
    END IF;
    -- By the clock of this moment: another may have put some off since this call began.
    EXECUTE format('UPDATE chancery.%I d SET not_before = $2, put_off_at = $2
                     WHERE d.sink = $1 AND d.state = ''Pending'' AND d.put_off_at > clock_timestamp()',
                   'deliveries_' || v_run.id) USING p_sink, v_now;
    GET DIAGNOSTICS v_strayed = ROW_COUNT;
    EXECUTE format('SELECT min(u.not_before) FROM chancery.%I u WHERE u.sink = $1 AND u.state = ''Pending'' %s', 'deliveries_' || v_run.id,
                   v_open)
       INTO v_wake USING p_sink;
    task := 'wait';
    -- A batch that is signed meanwhile tells nobody.
    seconds := CASE WHEN v_strayed > 0 THEN 0.05 ELSE least(greatest(coalesce(extract(epoch FROM greatest(v_wake, v_now) - v_now), 2), 0.05), 2) END;
    RETURN NEXT;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.delivery_take(integer, text, bytea, integer, double precision) TO chancery_delivery;
