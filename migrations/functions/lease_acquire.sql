-- Leases the least recently used free key of the run's ring for the run's next batch.
--
-- answer:
--   leased      all columns are set
--   no_key      every key is in use: ask again later
--   no_batch    every batch that is left is in another signer's hands, or is not closed yet: ask again later
--   keys_missing  the run is sealed, and every batch is signed, but its ring is not filled: make the keys first (key_add)
--   complete    the run is sealed, every batch is signed, and the ring is filled: nothing is left to a signer. The run itself is
--               complete once its batches are at its sinks, too (run_complete)
--   suspended, deleted, unknown   nothing is leased for such a run; to a login, every run is unknown but its own
--
-- The run is named by its uid too: in a ledger that was made anew, its number is another run's. The token is the
-- holder's secret: whoever renews, stores or abandons shows it, and only its hash is kept.
--
-- Of the key's private part it returns the SHA-256 only, by which a holder that has opened the key before knows it again.
-- The key itself is given out by lease_key, once the lease is committed.
--
-- The floors are lower bounds that make the two walks skip index entries of rows long since
-- changed, which no vacuum can remove while somebody holds an old snapshot open. Both only
-- grow: no active key of the ring has a last use below p_use_floor, since a key that joins begins at the
-- newest use sequence; no batch below p_batch_floor was still unsigned when the caller last asked. Batches
-- given back lie below it, so when nothing is found above, the search starts again from 1.
-- Whoever has the login of a run may claim any floor. A false p_batch_floor changes the order of that run's batches only; a
-- p_use_floor counts no further than the ring's newest lease confirms it, since keys would be passed over below a false one.
--
-- The commit does not wait for the disk, for all signers of the ring queue behind it. Until
-- the lease is known to be on disk nothing may be signed under it: records_fetch sees to that.
-- Should the server crash in between, this lease and all later ones are lost together.
CREATE OR REPLACE FUNCTION chancery.lease_acquire(
    p_run integer, p_run_uid uuid, p_holder text, p_token_hash bytea, p_use_floor bigint, p_batch_floor bigint,
    OUT answer text, OUT lease_id bigint, OUT key_id uuid, OUT wrapped_key_hash bytea,
    OUT batch bigint, OUT first_record bigint, OUT last_record bigint, OUT payload_bytes bigint,
    OUT use_sequence bigint, OUT lease_seconds double precision, OUT expired integer,
    OUT use_floor bigint, OUT batch_floor bigint)
LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_turn record;
    v_batch record;
BEGIN
    use_floor := p_use_floor;
    batch_floor := p_batch_floor;
    expired := 0;
    -- Before anything else waits for them, or is kept for them.
    IF octet_length(p_holder) > 1024 OR octet_length(p_token_hash) <> 32 THEN
        RAISE EXCEPTION 'a holder has at most 1024 bytes, and the hash of a token 32' USING ERRCODE = 'check_violation';
    END IF;
    -- What run_of_session says, asked for with the run: by session_user, the login itself.
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid
       AND r.id = (SELECT g.run_id FROM chancery.logins g WHERE g.name = session_user AND g.work = 'Sign');
    answer := chancery.run_refusal(v_run);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;

    v_turn := chancery.keyring_turn(v_run.keyring_id);
    -- Again, because waiting for the turn may have taken long. From here on until we commit nobody removes the run.
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    answer := chancery.run_refusal(v_run);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    p_use_floor := least(p_use_floor, v_turn.use_floor);
    expired := chancery.keyring_collect(v_run.keyring_id, v_turn.instant, p_use_floor);

    -- A key is free when its newest lease is over. Read under the turn: nobody leases or returns a
    -- key of this ring until we commit.
    --
    -- A key that was not leased since it joined bears the use sequence of another key's lease: the newest
    -- one of the ring by then. So the lease has to be the key's own.
    --
    -- A held key was last used by the lease that holds it. So the new floor is the least of what the
    -- chosen key and the open leases say.
    SELECT k.id, least(k.last_use, (
               SELECT o.use_sequence FROM chancery.leases o
                WHERE o.keyring_id = v_run.keyring_id AND o.released_at IS NULL
                  AND o.use_sequence >= p_use_floor
                ORDER BY o.use_sequence LIMIT 1))
      INTO key_id, use_floor
      FROM chancery.keys k
     WHERE k.keyring_id = v_run.keyring_id AND k.state = 'active' AND k.last_use >= p_use_floor
       AND (SELECT l.released_at IS NULL FROM chancery.leases l
             WHERE l.keyring_id = v_run.keyring_id AND l.use_sequence = k.last_use
               AND l.key_id = k.id) IS NOT TRUE
     ORDER BY k.last_use, k.number LIMIT 1;
    IF NOT FOUND THEN
        use_floor := p_use_floor;
        answer := 'no_key';
        RETURN;
    END IF;

    EXECUTE format('SELECT * FROM chancery.%I($1)', 'batch_claim_' || p_run) INTO STRICT v_batch USING p_batch_floor;
    IF v_batch.batch IS NULL THEN
        key_id := NULL;
        -- The run was read before its batches: one that was sealed by then had them all.
        IF v_batch.pending OR v_run.sealed_at IS NULL THEN
            answer := 'no_batch';
        ELSIF NOT EXISTS (SELECT FROM chancery.runs r WHERE r.id = p_run AND r.deleted_at IS NULL) THEN
            -- Its batches are gone because the run is being deleted, not because they are signed.
            answer := 'deleted';
        ELSIF EXISTS (SELECT FROM chancery.keyrings k WHERE k.id = v_run.keyring_id AND k.filled_at IS NULL) THEN
            answer := 'keys_missing';
        ELSE
            answer := 'complete';
            UPDATE chancery.runs r SET completed_at = v_turn.instant
             WHERE r.id = p_run AND r.completed_at IS NULL AND NOT chancery.run_undelivered(p_run);
            IF FOUND THEN
                PERFORM chancery.event_completed(p_run);
            END IF;
        END IF;
        RETURN;
    END IF;

    lease_id := v_batch.lease_id;
    batch := v_batch.batch;
    first_record := v_batch.first_record;
    last_record := v_batch.last_record;
    payload_bytes := v_batch.payload_bytes;
    use_sequence := v_turn.last_use + 1;
    INSERT INTO chancery.leases (id, run_id, batch, keyring_id, key_id, holder, token_hash, use_sequence,
                                 acquired_at, expires_at, duration, use_floor)
    OVERRIDING SYSTEM VALUE
    VALUES (lease_id, p_run, batch, v_run.keyring_id, key_id, p_holder, p_token_hash, use_sequence,
            v_turn.instant, clock_timestamp() + v_run.lease_duration, v_run.lease_duration, use_floor);
    UPDATE chancery.keys k SET last_use = lease_acquire.use_sequence WHERE k.id = lease_acquire.key_id
    RETURNING (SELECT sha256(m.wrapped_key) FROM chancery.key_material m WHERE m.key_id = k.id) INTO wrapped_key_hash;

    lease_seconds := extract(epoch FROM v_run.lease_duration);
    answer := 'leased';
    batch_floor := greatest(p_batch_floor, batch + 1);
    PERFORM set_config('synchronous_commit', 'off', true);
END
$$;

GRANT EXECUTE ON FUNCTION chancery.lease_acquire(integer, uuid, text, bytea, bigint, bigint) TO chancery_signer;
