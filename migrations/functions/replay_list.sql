-- Lists a source that is another run: its records, its dead letters, both, or what it rejected, each as one split, pinned to that
-- very run. Of dead letters, replay_read leaves those out that were discarded, and, if letters were noted for the reading run (letters_end), all others.
--
-- answer: listed; nothing, which is listed too, when there is nothing of what is asked for; lost, when the listing is no longer the caller's; unknown, deleted or unsealed, when the run that is
-- named cannot be read. One that is not sealed may still get more.
CREATE OR REPLACE FUNCTION chancery.replay_list(p_source integer, p_token bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run integer := chancery.intake_of_session();
    v_wanted jsonb;
    v_other chancery.runs%ROWTYPE;
    v_found boolean;
BEGIN
    SELECT s.description -> 'run' INTO v_wanted FROM chancery.sources s
     WHERE s.run_id = v_run AND s.source = p_source AND s.listed_at IS NULL AND s.token_hash = sha256(p_token)
       FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'lost';
    END IF;
    SELECT * INTO v_other FROM chancery.runs r WHERE r.id = chancery.replay_run(v_run, v_wanted ->> 'name');
    IF NOT FOUND THEN
        RETURN 'unknown';
    END IF;
    IF v_other.deleted_at IS NOT NULL THEN
        RETURN 'deleted';
    END IF;
    IF v_other.sealed_at IS NULL THEN
        RETURN 'unsealed';
    END IF;
    INSERT INTO chancery.splits (run_id, source, split, part, start, position)
    SELECT v_run, p_source, row_number() OVER (ORDER BY w.place),
           jsonb_build_object('run', v_other.uid, 'rows', w.rows), 0, 0
      FROM unnest(chancery.replay_rows(v_wanted ->> 'select')) WITH ORDINALITY AS w (rows, place)
     WHERE w.rows = 'Records'
        OR EXISTS (SELECT FROM chancery.intakes i WHERE i.run_id = v_other.id AND (w.rows = 'DeadLetters' OR i.rejected > 0));
    v_found := FOUND;
    PERFORM chancery.source_listed(p_source, p_token,
        (SELECT count(*)::integer FROM chancery.splits t WHERE t.run_id = v_run AND t.source = p_source));
    RETURN CASE WHEN v_found THEN 'listed' ELSE 'nothing' END;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.replay_list(integer, bytea) TO chancery_intake;
