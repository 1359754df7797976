-- Admits what was read of a split, from p_position up to p_next, in one transaction with that position: what is admitted
-- is never read again, and what is not stays to be read. What is pushed comes by records_push; both end in admit_arrivals.
--
-- answer:
--   admitted   the counts, and start_at: from where the caller reads on. `done` when the split has been read to its end
--   full       the run has the most records that it may have: what lies at start_at or behind it was not offered
--   held       the database has no room for more for now: nothing was admitted
--   moved      the split is read to somewhere else than p_position, or is another reader's: nothing was admitted
--   sealed, suspended, too_many_dead, deleted, unknown   nothing is admitted to such a run: see intake_next
--
-- p_payloads are in the order of p_positions, and dead letters in that of p_dead_positions. All positions are different,
-- and from p_position on, before p_next. p_key: what the reader needs beside p_next to go on from there; empty where that
-- says all. p_done: nothing comes after p_next.
--
-- A payload is known by its SHA-256, computed here: whoever admits is not believed. Of a run that names payloads by an
-- expression, p_identities are its values, one for each payload, and it is known by identity_digest of that: what an expression yields
-- is not looked into here. Of the same ones, the first of the ring is a record, and the others are duplicates of that.
--
-- p_judged: what the policy of the run said of them (admit_check_judged), and nothing in a run that has none. A dead letter without a
-- stage is a payload that a rule rejected.
--
-- p_traced, p_traced_to, p_traces: in which traces they came, from a position to another, and nothing of those that came in none.
--
-- Runs that share a ring insert digests at the same time, each in the order of the digests, so that no two wait for
-- each other. Whoever comes second waits for the first one's commit.
--
-- The commit does not wait for the disk: should the server crash, the position is lost together with the records, and they
-- are read again. Nothing is signed before (records_fetch), and sealing waits.
CREATE OR REPLACE FUNCTION chancery.admit(
    p_source integer, p_split integer, p_token bytea, p_position bigint, p_next bigint, p_key text, p_done boolean,
    p_payloads bytea[], p_positions bigint[], p_identities bytea[],
    p_dead_positions bigint[], p_stages text[], p_reasons text[], p_raws bytea[], p_judged chancery.judgement,
    p_traced bigint[], p_traced_to bigint[], p_traces text[],
    OUT answer text, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT rejected bigint, OUT start_at bigint,
    OUT done boolean)
LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_split chancery.splits%ROWTYPE;
    v_digests bytea[];
    v_identities bytea[];
BEGIN
    PERFORM chancery.admit_check(p_position, p_next, p_payloads, p_positions, p_identities, p_dead_positions, p_stages, p_reasons, p_raws);
    v_run.id := chancery.intake_of_session();
    IF v_run.id IS NULL THEN
        answer := 'unknown';
        RETURN;
    END IF;
    -- Before the turn, so that two readers hash at the same time.
    SELECT d.digests, d.identities INTO v_digests, v_identities
      FROM chancery.admit_digests(v_run.id, p_payloads, p_identities, p_judged.originals) d;
    PERFORM chancery.run_turn(v_run.id);
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = v_run.id;
    answer := chancery.intake_refusal(v_run);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT * INTO v_split FROM chancery.splits t
     WHERE t.run_id = v_run.id AND t.source = p_source AND t.split = p_split AND t.done_at IS NULL
       AND t.token_hash = sha256(p_token) AND t.position = p_position
       FOR UPDATE;
    IF NOT FOUND THEN
        answer := 'moved';
        RETURN;
    END IF;
    SELECT a.answer, a.admitted, a.duplicates, a.dead, a.rejected, a.start_at, a.done
      INTO answer, admitted, duplicates, dead, rejected, start_at, done
      FROM chancery.admit_arrivals(v_run, p_source, p_split, p_position, p_next, p_key, p_done, p_payloads, p_positions,
                                   v_digests, v_identities, p_dead_positions, p_stages, p_reasons, p_raws, p_judged,
                                   p_traced, p_traced_to, p_traces) a;
    PERFORM set_config('synchronous_commit', 'off', true);
END
$$;

GRANT EXECUTE ON FUNCTION chancery.admit(
    integer, integer, bytea, bigint, bigint, text, boolean, bytea[], bigint[], bytea[], bigint[], text[], text[],
    bytea[], chancery.judgement, bigint[], bigint[], text[]) TO chancery_intake;
