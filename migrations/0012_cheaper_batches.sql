-- What a batch costs the database, but nothing of what is refused. Programs of the former version make other tables for their
-- runs, and are refused.

SET LOCAL statement_timeout = 0;

-- What a row has to be like, in one function for each table, each a part of its table as refuse_change is. PostgreSQL reads the
-- text of each CHECK of a table anew in each statement that writes to it: those of leases, batches and keys took a fifth of
-- all that a batch cost. As in a CHECK, what is not known is no violation.

CREATE FUNCTION chancery.lease_is_sound(
    use_sequence bigint, acquired_at timestamptz, duration interval, holder text, token_hash bytea, signed_at timestamptz,
    released_at timestamptz, outcome chancery.lease_outcome, returned boolean) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN use_sequence >= 1
       AND duration > interval '0'
       AND acquired_at < released_at
       -- A pod's name and uid fit in three times.
       AND octet_length(holder) <= 1024
       AND octet_length(token_hash) = 32
       AND (outcome IS NULL OR token_hash IS NULL)
       AND coalesce(outcome = 'signed', false) = (signed_at IS NOT NULL)
       AND (released_at IS NULL OR outcome IS NOT NULL)
       AND returned = coalesce(outcome IN ('expired', 'abandoned'), false)
       AND returned <= (released_at IS NOT NULL);
END
$$;

CREATE FUNCTION chancery.key_is_sound(
    number integer, state chancery.key_state, last_use bigint, joined_use bigint, retired_use bigint, retired_at timestamptz)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN number >= 1
       AND joined_use >= 0
       AND last_use >= joined_use
       AND retired_use >= last_use
       AND (state = 'retired') = (retired_use IS NOT NULL)
       AND (state = 'retired') = (retired_at IS NOT NULL);
END
$$;

CREATE FUNCTION chancery.batch_is_sound(
    batch bigint, first_record bigint, last_record bigint, payload_bytes bigint, opened_at timestamptz, closed_at timestamptz,
    state chancery.batch_state, lease_id bigint) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN batch >= 1
       AND first_record >= 1
       AND first_record <= last_record
       AND payload_bytes >= 0
       AND opened_at <= closed_at
       AND (state = 'unsigned') = (lease_id IS NULL);
END
$$;

-- A block is of one batch: all batches of a run have batch_size records, but the last. And each signature has the length that
-- the ring gives.
CREATE FUNCTION chancery.block_is_sound(
    first_record bigint, last_record bigint, bytes integer, signature_bytes integer, batch_size bigint) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN first_record >= 1
       AND first_record <= last_record
       AND (first_record - 1) / batch_size = (last_record - 1) / batch_size
       AND bytes = (last_record - first_record + 1) * signature_bytes;
END
$$;

DO $$
DECLARE
    v_check record;
BEGIN
    FOR v_check IN
        SELECT c.conrelid::regclass AS place, c.conname AS name FROM pg_constraint c
         WHERE c.contype = 'c' AND c.conrelid = ANY (ARRAY[
               'chancery.leases', 'chancery.keys', 'chancery.batches', 'chancery.signature_blocks']::regclass[])
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', v_check.place, v_check.name);
    END LOOP;
END
$$;

-- A store changes nothing that an index of leases has: the one of live leases asks only whether a batch went back. So the row is
-- updated in its page, where there is room for that, and no index is written.
ALTER TABLE chancery.leases
    -- The lease ended without signatures.
    ADD COLUMN returned boolean NOT NULL DEFAULT false,
    SET (fillfactor = 70);
UPDATE chancery.leases SET returned = true WHERE outcome IN ('expired', 'abandoned');
DROP INDEX chancery.leases_one_live_per_batch;
CREATE UNIQUE INDEX leases_one_live_per_batch ON chancery.leases (run_id, batch) WHERE NOT returned;

ALTER TABLE chancery.leases ADD CHECK (chancery.lease_is_sound(
    use_sequence, acquired_at, duration, holder, token_hash, signed_at, released_at, outcome, returned));
ALTER TABLE chancery.keys ADD CHECK (chancery.key_is_sound(
    number, state, last_use, joined_use, retired_use, retired_at));
ALTER TABLE chancery.batches ADD CHECK (chancery.batch_is_sound(
    batch, first_record, last_record, payload_bytes, opened_at, closed_at, state, lease_id));

-- A block that does not begin its batch goes on where another ends. Of the blocks of a batch, no two begin with the same
-- record, so they form one chain.
CREATE FUNCTION chancery.refuse_gap() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    v_before bigint;
BEGIN
    EXECUTE format('SELECT b.last_record FROM chancery.%I b WHERE b.first_record < $1 ORDER BY b.first_record DESC LIMIT 1',
                   TG_TABLE_NAME)
       INTO v_before USING NEW.first_record;
    IF v_before IS DISTINCT FROM NEW.first_record - 1 THEN
        RAISE EXCEPTION 'the signatures of the records % to % do not go on where others of their batch end',
            NEW.first_record, NEW.last_record USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NULL;
END
$$;

-- The tables of runs, as run_create makes them. An exclusion constraint on ranges cost more the more blocks there were.
DO $$
DECLARE
    v_run record;
    v_guard text;
BEGIN
    FOR v_run IN
        SELECT r.id, r.batch_size, format('chancery.%I', 'signature_blocks_' || r.id) AS blocks,
               CASE WHEN k.algorithm IN ('RS256', 'PS256') THEN k.key_size / 8 ELSE 64 END AS bytes
          FROM chancery.runs r JOIN chancery.keyrings k ON k.id = r.keyring_id
         WHERE r.deleted_at IS NULL ORDER BY r.id
    LOOP
        FOR v_guard IN
            SELECT c.conname FROM pg_constraint c
             WHERE c.conrelid = v_run.blocks::regclass AND c.contype IN ('c', 'x')
        LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', v_run.blocks, v_guard);
        END LOOP;
        EXECUTE format('ALTER TABLE %1$s ADD UNIQUE (first_record), ADD CHECK (
                            chancery.block_is_sound(first_record, last_record, octet_length(signatures), %2$s, %3$s))',
                       v_run.blocks, v_run.bytes, v_run.batch_size);
        EXECUTE format('CREATE TRIGGER signature_blocks_leave_no_gap AFTER INSERT ON %s FOR EACH ROW
                            WHEN ((NEW.first_record - 1) %% %s <> 0) EXECUTE FUNCTION chancery.refuse_gap()',
                       v_run.blocks, v_run.batch_size);
    END LOOP;
END
$$;

-- Each run has its own now (run_functions).
DROP FUNCTION IF EXISTS chancery.batch_claim(integer, bigint);
DROP FUNCTION IF EXISTS chancery.batch_sign(integer, bigint, bigint, bigint, bigint, bigint, chancery.signing_library);
DELETE FROM chancery.functions f WHERE f.name IN ('batch_claim', 'batch_sign');
