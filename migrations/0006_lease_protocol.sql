-- The lease protocol. docs/lease-protocol.md argues why it is correct.
--
-- A signer may do nothing to the ledger but call these functions and read what it signs.
-- Each runs as one statement, so that no lock of a keyring is ever held while a client is
-- waited for: a frozen client can delay nobody.
--
-- Every statement here looks up a handful of rows by an index. A session plans them once, perhaps
-- while a table is still empty and all ways to read it cost the same, and keeps that plan as the table
-- grows. So each is written such that only the right plan is left, whatever the planner knows of the table:
--
-- * What reads, sorts or joins whole tables is switched off (enable_…).
-- * Acquire and store join no tables; what depends on a row is a subquery of that row. (lease_renew does join
--   one row to another: both are found by their primary keys, and that plan is right for tables of any size.)
-- * (x IS NULL) IS TRUE says the same as x IS NULL, but does not offer an index for it that has a
--   condition, and nothing of the row that is looked for, in it.
-- * Statements on batches, which has a partition for each run, are in functions of their own that plan
--   them for their run each time: a plan for any run would have to open all partitions.
--
-- Replaces all of 0003: docs/decisions/0022-plans-that-need-no-statistics.md.

-- Waits for the keyring's turn and returns the instant of that turn, which is later than every
-- acquisition and not before any release in this keyring, even when the clock was set back; and the
-- use sequence of the ring's newest lease.
--
-- The lock is held to the end of the transaction. Whatever the caller reads *after* this call
-- includes all that earlier turns wrote, because each statement of a function takes a snapshot
-- of its own under READ COMMITTED; a caller at a higher isolation level would decide on what
-- was true before it got the lock, so it is refused.
CREATE OR REPLACE FUNCTION chancery.keyring_turn(p_keyring integer, OUT instant timestamptz, OUT last_use bigint)
LANGUAGE plpgsql AS $$
DECLARE
    v_acquired timestamptz;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'leasing needs READ COMMITTED, the transaction is %',
            upper(current_setting('transaction_isolation')) USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- The first number is Chancery's own namespace of advisory locks.
    PERFORM pg_advisory_xact_lock(1128814158, p_keyring);
    SELECT l.use_sequence, l.acquired_at INTO last_use, v_acquired FROM chancery.leases l
     WHERE l.keyring_id = p_keyring ORDER BY l.use_sequence DESC LIMIT 1;
    last_use := coalesce(last_use, 0);
    instant := greatest(
        clock_timestamp(),
        v_acquired + interval '1 microsecond',
        (SELECT l.released_at FROM chancery.leases l
          WHERE l.keyring_id = p_keyring AND l.released_at IS NOT NULL
          ORDER BY l.released_at DESC LIMIT 1));
END
$$;

-- Gives the first unsigned batch of a run from p_floor on, or, when there is none, from the first on, to a new
-- lease. Without one, `pending` tells whether any batch is not signed yet.
CREATE FUNCTION chancery.batch_claim(
    p_run integer, p_floor bigint,
    OUT lease_id bigint, OUT batch bigint, OUT first_record bigint, OUT last_record bigint, OUT pending boolean)
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_floor bigint;
BEGIN
    FOREACH v_floor IN ARRAY ARRAY[p_floor, 1] LOOP
        -- The state is asked for twice because the index is one of batches that are not signed.
        UPDATE chancery.batches b SET state = 'leased', lease_id = nextval('chancery.leases_id_seq')
         WHERE b.run_id = p_run AND b.batch = (
               SELECT u.batch FROM chancery.batches u
                WHERE u.run_id = p_run AND u.batch >= v_floor AND u.state = 'unsigned' AND u.state <> 'signed'
                ORDER BY u.batch LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING b.lease_id, b.batch, b.first_record, b.last_record
             INTO lease_id, batch, first_record, last_record;
        IF FOUND THEN
            RETURN;
        END IF;
    END LOOP;
    pending := EXISTS (SELECT FROM chancery.batches b WHERE b.run_id = p_run AND b.state <> 'signed');
END
$$;

-- Makes the batch of a lease that has ended without signatures wait for another signer.
CREATE FUNCTION chancery.batch_return(p_run integer, p_batch bigint, p_lease bigint) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    UPDATE chancery.batches b SET state = 'unsigned', lease_id = NULL
     WHERE b.run_id = p_run AND b.batch = p_batch AND b.lease_id = p_lease;
END
$$;

-- Marks the batch of a lease signed. The signatures of the records p_first to p_end have just been stored;
-- false when those before, stored under the same lease, do not make them the whole batch.
CREATE FUNCTION chancery.batch_sign(
    p_run integer, p_batch bigint, p_lease bigint, p_first bigint, p_end bigint) RETURNS boolean
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_batch_first bigint;
    v_stored bigint := 0;
BEGIN
    UPDATE chancery.batches b SET state = 'signed'
     WHERE b.run_id = p_run AND b.batch = p_batch AND b.lease_id = p_lease
       AND b.last_record = p_end AND b.first_record <= p_first
    RETURNING b.first_record INTO v_batch_first;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF v_batch_first < p_first THEN
        SELECT count(*) INTO v_stored FROM chancery.signatures s
         WHERE s.run_id = p_run AND s.record >= v_batch_first AND s.record < p_first AND s.lease_id = p_lease;
    END IF;
    RETURN v_stored = p_first - v_batch_first;
END
$$;

-- Gives keys back to the ring, in the turn of p_instant: those whose batch has been stored, and
-- those whose lease has run out, whose batch then waits for another signer. Returns how many
-- had run out. A lease whose row is locked is being stored or renewed this moment: it is left
-- to the next turn, so that a turn never waits for anybody.
CREATE OR REPLACE FUNCTION chancery.keyring_collect(p_keyring integer, p_instant timestamptz, p_use_floor bigint)
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_lease record;
    v_expired integer := 0;
BEGIN
    FOR v_lease IN
        SELECT l.id, l.run_id, l.batch, l.outcome FROM chancery.leases l
         WHERE l.keyring_id = p_keyring AND l.released_at IS NULL AND l.use_sequence >= p_use_floor
           AND (l.outcome = 'signed' OR l.expires_at <= p_instant)
         FOR UPDATE SKIP LOCKED
    LOOP
        UPDATE chancery.leases l SET released_at = p_instant, outcome = coalesce(l.outcome, 'expired')
         WHERE l.id = v_lease.id;
        IF v_lease.outcome IS NULL THEN
            v_expired := v_expired + 1;
            PERFORM chancery.batch_return(v_lease.run_id, v_lease.batch, v_lease.id);
        END IF;
    END LOOP;
    RETURN v_expired;
END
$$;

-- Leases the least recently used free key of the run's ring for the run's next batch.
--
-- answer:
--   leased      all columns are set
--   no_key      every key is in use: ask again later
--   no_batch    every batch that is left is in another signer's hands: ask again later
--   complete    every batch is signed
--   suspended, not_seeded, deleted, unknown   nothing is leased from such a run
--
-- The floors are lower bounds that make the two walks skip index entries of rows long since
-- changed, which no vacuum can remove while somebody holds an old snapshot open. Both only
-- grow: no key of the ring has a last use below p_use_floor (hence no open lease either), no
-- batch below p_batch_floor was still unsigned when the caller last asked. Batches given back
-- lie below it, so when nothing is found above, the search starts again from 1.
--
-- The commit does not wait for the disk, for all signers of the ring queue behind it. Until
-- the lease is known to be on disk nothing may be signed under it: records_fetch sees to that.
-- Should the server crash in between, this lease and all later ones are lost together.
CREATE OR REPLACE FUNCTION chancery.lease_acquire(
    p_run integer, p_holder text, p_use_floor bigint, p_batch_floor bigint,
    OUT answer text, OUT lease_id bigint, OUT key_id uuid, OUT wrapped_key bytea,
    OUT batch bigint, OUT first_record bigint, OUT last_record bigint,
    OUT use_sequence bigint, OUT lease_seconds double precision, OUT expired integer,
    OUT use_floor bigint, OUT batch_floor bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_turn record;
    v_batch record;
BEGIN
    use_floor := p_use_floor;
    batch_floor := p_batch_floor;
    expired := 0;
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run;
    answer := CASE
        WHEN NOT FOUND THEN 'unknown'
        WHEN v_run.deleted_at IS NOT NULL THEN 'deleted'
        WHEN v_run.completed_at IS NOT NULL THEN 'complete'
        WHEN v_run.seeded_at IS NULL THEN 'not_seeded'
        WHEN v_run.suspended THEN 'suspended'
    END;
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;

    v_turn := chancery.keyring_turn(v_run.keyring_id);
    expired := chancery.keyring_collect(v_run.keyring_id, v_turn.instant, p_use_floor);

    -- A key is free when its newest lease is over. Read under the turn: nobody leases or returns a
    -- key of this ring until we commit.
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
     WHERE k.keyring_id = v_run.keyring_id AND k.last_use >= p_use_floor
       AND (SELECT l.released_at IS NULL FROM chancery.leases l
             WHERE l.keyring_id = v_run.keyring_id AND l.use_sequence = k.last_use) IS NOT TRUE
     ORDER BY k.last_use, k.number LIMIT 1;
    IF NOT FOUND THEN
        use_floor := p_use_floor;
        answer := 'no_key';
        RETURN;
    END IF;

    v_batch := chancery.batch_claim(p_run, p_batch_floor);
    IF v_batch.batch IS NULL THEN
        key_id := NULL;
        IF v_batch.pending THEN
            answer := 'no_batch';
        ELSE
            answer := 'complete';
            UPDATE chancery.runs r SET completed_at = v_turn.instant
             WHERE r.id = p_run AND r.completed_at IS NULL;
        END IF;
        RETURN;
    END IF;

    lease_id := v_batch.lease_id;
    batch := v_batch.batch;
    first_record := v_batch.first_record;
    last_record := v_batch.last_record;
    use_sequence := v_turn.last_use + 1;
    INSERT INTO chancery.leases (id, run_id, batch, keyring_id, key_id, holder, use_sequence,
                                 acquired_at, expires_at)
    OVERRIDING SYSTEM VALUE
    VALUES (lease_id, p_run, batch, v_run.keyring_id, key_id, p_holder, use_sequence,
            v_turn.instant, v_turn.instant + v_run.lease_duration);
    UPDATE chancery.keys k SET last_use = lease_acquire.use_sequence WHERE k.id = lease_acquire.key_id;
    SELECT m.wrapped_key INTO wrapped_key FROM chancery.key_material m WHERE m.key_id = lease_acquire.key_id;

    lease_seconds := extract(epoch FROM v_run.lease_duration);
    answer := 'leased';
    batch_floor := greatest(p_batch_floor, batch + 1);
    PERFORM set_config('synchronous_commit', 'off', true);
END
$$;

-- Prolongs a lease by the run's lease duration from now on, and returns that duration in seconds:
-- it may have been changed since the lease was granted. Null when the lease is no longer the
-- caller's: taken over, given back, or run out without anybody having noticed yet.
--
-- A lease never gets shorter, even when the clock was set back since it was granted.
CREATE OR REPLACE FUNCTION chancery.lease_renew(p_lease bigint) RETURNS double precision
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
    UPDATE chancery.leases l SET expires_at = greatest(l.expires_at, clock_timestamp() + r.lease_duration)
      FROM chancery.runs r
     WHERE l.id = p_lease AND r.id = l.run_id AND (l.outcome IS NULL) IS TRUE AND l.expires_at > clock_timestamp()
    RETURNING extract(epoch FROM r.lease_duration)::double precision
$$;

-- Stores signatures of the lease's batch, for consecutive records from p_first on. With p_last
-- the batch is complete: the lease is closed and the batch marked signed in the same
-- transaction. Raises CH001 when the lease is no longer the caller's; then nothing is stored.
--
-- The key itself goes back to the ring at the next turn of the keyring, which alone decides
-- instants; so a store neither waits for a turn nor makes one wait for the disk.
CREATE OR REPLACE FUNCTION chancery.batch_store(p_lease bigint, p_first bigint, p_signatures bytea[], p_last boolean)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
DECLARE
    v_lease record;
    v_end bigint := p_first + cardinality(p_signatures) - 1;
BEGIN
    IF p_last THEN
        UPDATE chancery.leases l SET outcome = 'signed', signed_at = clock_timestamp()
         WHERE l.id = p_lease AND (l.outcome IS NULL) IS TRUE RETURNING l.run_id, l.batch INTO v_lease;
    ELSE
        -- Locked to the end of the transaction, so that nobody takes over a batch that is being stored.
        SELECT l.run_id, l.batch INTO v_lease FROM chancery.leases l
         WHERE l.id = p_lease AND (l.outcome IS NULL) IS TRUE FOR UPDATE;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'lease % is lost', p_lease USING ERRCODE = 'CH001';
    END IF;
    INSERT INTO chancery.signatures (record, lease_id, run_id, signature)
    SELECT p_first + s.position - 1, p_lease, v_lease.run_id, s.signature
      FROM unnest(p_signatures) WITH ORDINALITY AS s (signature, position);
    IF NOT p_last THEN
        RETURN;
    END IF;
    IF NOT chancery.batch_sign(v_lease.run_id, v_lease.batch, p_lease, p_first, v_end) THEN
        RAISE EXCEPTION 'lease % does not cover its batch: records % to % were given last', p_lease, p_first, v_end
            USING ERRCODE = 'CH002';
    END IF;
END
$$;

-- Gives a key and its batch back unsigned, at once. False when the lease is no longer open.
CREATE OR REPLACE FUNCTION chancery.lease_abandon(p_lease bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
DECLARE
    v_lease record;
    v_instant timestamptz;
BEGIN
    -- The row first, the turn second: a store that holds the row may take long, and nobody is to wait
    -- for it while having the turn. Whoever has the turn skips locked rows, so there is no deadlock.
    SELECT l.keyring_id, l.run_id, l.batch INTO v_lease FROM chancery.leases l
     WHERE l.id = p_lease AND (l.outcome IS NULL) IS TRUE FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    v_instant := (chancery.keyring_turn(v_lease.keyring_id)).instant;
    UPDATE chancery.leases l SET outcome = 'abandoned', released_at = v_instant WHERE l.id = p_lease;
    PERFORM chancery.batch_return(v_lease.run_id, v_lease.batch, p_lease);
    RETURN true;
END
$$;

-- Gives back whatever holders that are known to be dead still hold in a run. Returns how many
-- leases that were. For the owner: a signer can not list the leases of others.
CREATE OR REPLACE FUNCTION chancery.holders_release(p_run integer, p_holders text[]) RETURNS bigint
LANGUAGE sql AS $$
    SELECT count(*) FROM (
        SELECT l.id FROM chancery.leases l
          JOIN chancery.runs r ON r.keyring_id = l.keyring_id
         WHERE r.id = p_run AND l.run_id = p_run AND l.released_at IS NULL AND l.outcome IS NULL
           AND l.holder = ANY (p_holders)) held
     WHERE chancery.lease_abandon(held.id)
$$;

-- Returns the keys of leases that have ended to the ring of a run: after the last store of a
-- run no signer may be left to do it.
CREATE OR REPLACE FUNCTION chancery.run_settle(p_run integer) RETURNS integer
LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
DECLARE
    v_keyring integer;
BEGIN
    SELECT r.keyring_id INTO v_keyring FROM chancery.runs r WHERE r.id = p_run;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    RETURN chancery.keyring_collect(v_keyring, (chancery.keyring_turn(v_keyring)).instant, 0);
END
$$;

-- What a signer's calls call, it may not call by itself.
REVOKE ALL ON FUNCTION
    chancery.batch_claim(integer, bigint),
    chancery.batch_return(integer, bigint, bigint),
    chancery.batch_sign(integer, bigint, bigint, bigint, bigint)
FROM PUBLIC;
