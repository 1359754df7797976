-- Payloads that come from outside: where they are, how far each part of that is read, and what became of what did not
-- become a record. docs/internals/admission.md says how it is kept that nothing is read twice, and nothing skipped.

CREATE TYPE chancery.idempotency AS ENUM ('Content', 'Expression', 'None');
CREATE TYPE chancery.arrival_state AS ENUM ('Duplicate', 'Dead');
CREATE TYPE chancery.login_work AS ENUM ('Sign', 'Admit');

-- A run has either a row here or one in generated_sources. The counts are those of its splits, summed; they change in
-- the run's turn.
CREATE TABLE chancery.intakes (
    run_id         integer PRIMARY KEY REFERENCES chancery.runs ON DELETE CASCADE,
    idempotency    chancery.idempotency NOT NULL,
    -- Whose value names a payload, if that is not known by its content.
    expression     text CHECK (octet_length(expression) <= 4096),
    -- For how long after the run is deleted its keyring still knows its payloads.
    digest_window  interval NOT NULL CHECK (digest_window >= interval '0'),
    -- The most records that are admitted; what lies beyond was not offered. Null is no limit.
    record_limit   bigint CHECK (record_limit >= 1),
    -- More dead letters than this suspend the run.
    dead_limit     bigint NOT NULL CHECK (dead_limit >= 0),
    -- How long the bytes of a dead letter are kept.
    dead_retention interval NOT NULL CHECK (dead_retention > interval '0'),
    received       bigint NOT NULL DEFAULT 0,
    admitted       bigint NOT NULL DEFAULT 0 CHECK (admitted >= 0),
    duplicates     bigint NOT NULL DEFAULT 0 CHECK (duplicates >= 0),
    dead           bigint NOT NULL DEFAULT 0 CHECK (dead >= 0),
    -- Sum of the lengths of the payloads that were admitted.
    payload_bytes  bigint NOT NULL DEFAULT 0 CHECK (payload_bytes >= 0),
    -- When the bytes of a dead letter may have been kept for long enough. Null while no dead letter has its bytes.
    sweep_at       timestamptz,
    -- Why nothing is admitted for now, although the run goes on: a sentence of whoever sees to it that the database has room.
    held           text CHECK (octet_length(held) <= 4096),
    CHECK (received = admitted + duplicates + dead),
    CHECK (admitted <= record_limit),
    CHECK ((idempotency = 'Expression') = (expression IS NOT NULL)),
    CHECK (idempotency <> 'None' OR digest_window = interval '0')
);

CREATE INDEX intakes_sweep ON chancery.intakes (sweep_at) WHERE sweep_at IS NOT NULL;

CREATE TRIGGER intakes_keep_their_shape
    BEFORE UPDATE OF run_id, idempotency, expression, digest_window, record_limit
    ON chancery.intakes FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TABLE chancery.sources (
    run_id      integer NOT NULL REFERENCES chancery.runs ON DELETE CASCADE,
    -- In the order of the manifest: 1, 2, 3 and so on.
    source      integer NOT NULL CHECK (source >= 1),
    name        text NOT NULL,
    -- What the manifest says of it. No secret, and no name of one.
    description jsonb NOT NULL,
    -- When its splits were all there; until then none of them is read.
    listed_at   timestamptz,
    -- Whoever lists it: its name, the SHA-256 of its token, and until when.
    holder      text CHECK (octet_length(holder) <= 1024),
    token_hash  bytea CHECK (octet_length(token_hash) = 32),
    expires_at  timestamptz,
    -- Failures one after the other, when the next attempt may begin, and what the last one was.
    attempts    integer NOT NULL DEFAULT 0,
    not_before  timestamptz,
    last_error  text CHECK (octet_length(last_error) <= 4096),
    PRIMARY KEY (run_id, source),
    UNIQUE (run_id, name),
    CHECK ((token_hash IS NULL) = (expires_at IS NULL)),
    CHECK ((token_hash IS NULL) = (holder IS NULL)),
    CHECK (listed_at IS NULL OR token_hash IS NULL)
);

CREATE TRIGGER sources_keep_their_shape
    BEFORE UPDATE OF run_id, source, name, description
    ON chancery.sources FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER sources_are_listed_once
    BEFORE UPDATE OF listed_at
    ON chancery.sources FOR EACH ROW WHEN (OLD.listed_at IS NOT NULL) EXECUTE FUNCTION chancery.refuse_change();

-- A part of a source that one reader reads from its start to its end: an object in the version that was listed, or a
-- range of it.
CREATE TABLE chancery.splits (
    run_id     integer NOT NULL REFERENCES chancery.runs ON DELETE CASCADE,
    source     integer NOT NULL,
    -- In the order of the listing: 1, 2, 3 and so on.
    split      integer NOT NULL CHECK (split >= 1),
    -- What is read, in the words of whoever reads it.
    part       jsonb NOT NULL,
    start      bigint NOT NULL CHECK (start >= 0),
    -- Everything before it is accounted for; what begins here or later was not offered yet.
    position   bigint NOT NULL,
    -- What a reader needs beside the number to go on from there, in its own words: of rows of a table, the values by which
    -- they are ordered. Null where the number says all.
    position_key text CHECK (octet_length(position_key) <= 16384),
    done_at    timestamptz,
    holder     text CHECK (octet_length(holder) <= 1024),
    token_hash bytea CHECK (octet_length(token_hash) = 32),
    expires_at timestamptz,
    attempts   integer NOT NULL DEFAULT 0,
    not_before timestamptz,
    last_error text CHECK (octet_length(last_error) <= 4096),
    received   bigint NOT NULL DEFAULT 0,
    admitted   bigint NOT NULL DEFAULT 0 CHECK (admitted >= 0),
    duplicates bigint NOT NULL DEFAULT 0 CHECK (duplicates >= 0),
    dead       bigint NOT NULL DEFAULT 0 CHECK (dead >= 0),
    PRIMARY KEY (run_id, source, split),
    CHECK (position >= start),
    CHECK (position > start OR position_key IS NULL),
    CHECK (received = admitted + duplicates + dead),
    CHECK ((token_hash IS NULL) = (expires_at IS NULL)),
    CHECK ((token_hash IS NULL) = (holder IS NULL)),
    CHECK (done_at IS NULL OR token_hash IS NULL)
    -- Each admission changes a row, and no index of it.
) WITH (fillfactor = 70);
-- The first of every source before the second of any.
CREATE INDEX splits_open ON chancery.splits (run_id, split, source) WHERE done_at IS NULL;

CREATE TRIGGER splits_keep_their_shape
    BEFORE UPDATE OF run_id, source, split, part, start
    ON chancery.splits FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER splits_are_done_once
    BEFORE UPDATE OF position, position_key, done_at, received, admitted, duplicates, dead
    ON chancery.splits FOR EACH ROW WHEN (OLD.done_at IS NOT NULL) EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER splits_keys_come_with_positions
    BEFORE UPDATE OF position_key
    ON chancery.splits FOR EACH ROW
    WHEN (OLD.position = NEW.position AND OLD.position_key IS DISTINCT FROM NEW.position_key)
    EXECUTE FUNCTION chancery.refuse_change();

-- Where a record came from, the SHA-256 of its payload, and identity_digest of what its run names it by; null for one that was
-- generated, both digests for a run that looks for no duplicates, and the second for one that knows payloads by their
-- content. The tables of runs with sources insist on them (run_sources). No column of a generated record is longer for
-- it: a row's flags for nulls are there anyway.
ALTER TABLE chancery.records
    ADD COLUMN digest   bytea,
    ADD COLUMN identity bytea,
    ADD COLUMN source   integer,
    ADD COLUMN split    integer,
    ADD COLUMN position bigint;

-- What was offered and is no record. What is admitted at once is written once, as a record.
CREATE TABLE chancery.arrivals (
    source           integer NOT NULL,
    split            integer NOT NULL,
    position         bigint NOT NULL,
    run_id           integer NOT NULL,
    state            chancery.arrival_state NOT NULL,
    -- Of a duplicate, as records have them: its payload may be another than that of the record that has the same identity.
    digest           bytea CHECK (octet_length(digest) = 32),
    identity         bytea CHECK (octet_length(identity) = 32),
    -- The record that it repeats, which may be another run's of the same ring.
    duplicate_run    integer,
    duplicate_record bigint,
    -- Which step gave it up, and why: a sentence.
    stage            text CHECK (octet_length(stage) <= 64),
    reason           text CHECK (octet_length(reason) <= 4096),
    -- As it was read, the first 1 MiB. Null once it is swept.
    raw              bytea CHECK (octet_length(raw) <= 1048576),
    arrived_at       timestamptz NOT NULL,
    swept_at         timestamptz,
    PRIMARY KEY (source, split, position, run_id),
    CHECK ((state = 'Duplicate') = (digest IS NOT NULL)),
    CHECK (state = 'Duplicate' OR identity IS NULL),
    CHECK ((state = 'Duplicate') = (duplicate_run IS NOT NULL)),
    CHECK ((state = 'Duplicate') = (duplicate_record IS NOT NULL)),
    CHECK ((state = 'Dead') = (stage IS NOT NULL)),
    CHECK ((state = 'Dead') = (reason IS NOT NULL)),
    CHECK ((state = 'Dead' AND swept_at IS NULL) = (raw IS NOT NULL))
) PARTITION BY LIST (run_id);
-- What still has its bytes, the oldest first.
CREATE INDEX arrivals_kept ON chancery.arrivals (arrived_at) WHERE raw IS NOT NULL;

CREATE TRIGGER arrivals_never_change
    BEFORE UPDATE OF source, split, position, run_id, state, digest, identity, duplicate_run, duplicate_record, stage, reason, arrived_at
        OR DELETE
    ON chancery.arrivals FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER arrivals_are_swept_once
    BEFORE UPDATE OF raw, swept_at
    ON chancery.arrivals FOR EACH ROW WHEN (OLD.swept_at IS NOT NULL OR NEW.raw IS NOT NULL OR NEW.swept_at IS NULL)
    EXECUTE FUNCTION chancery.refuse_change();

-- What a keyring has signed or will sign: what a record is known by, its identity or else its digest, and that record. A partition for each ring
-- that looks for duplicates; rows go with their run, or some time later (kept_digests).
CREATE TABLE chancery.digests (
    digest     bytea NOT NULL,
    record     bigint NOT NULL,
    keyring_id integer NOT NULL,
    run_id     integer NOT NULL,
    PRIMARY KEY (digest, keyring_id)
) PARTITION BY LIST (keyring_id);

-- Until when a keyring knows the digests of a run that was deleted.
CREATE TABLE chancery.kept_digests (
    run_id     integer PRIMARY KEY,
    keyring_id integer NOT NULL REFERENCES chancery.keyrings ON DELETE CASCADE,
    until      timestamptz NOT NULL
);

-- Suspended by the ledger itself: more of its arrivals are dead than it allows.
ALTER TABLE chancery.runs ADD COLUMN too_many_dead boolean NOT NULL DEFAULT false;

-- A login either signs or admits. The letter before the run's number says which.
ALTER TABLE chancery.logins
    ADD COLUMN work chancery.login_work NOT NULL DEFAULT 'Sign',
    DROP CONSTRAINT logins_name_check,
    ADD CHECK (name ~ ('^chancery_[0-9a-f]{12}_' || CASE work WHEN 'Sign' THEN 'r' ELSE 'i' END || '[1-9][0-9]{0,9}_[0-9a-f]{8}$'));

-- A run with sources has one Secret more on a cluster: that of its intake, which belongs to the intake's Job and goes with it.
ALTER TABLE chancery.run_secrets
    ADD COLUMN work chancery.login_work NOT NULL DEFAULT 'Sign',
    DROP CONSTRAINT run_secrets_pkey,
    ADD PRIMARY KEY (run_id, work);
