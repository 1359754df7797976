-- The ledger: tables and types. What is done with them is in functions/, one function a file; the signers' role is in
-- roles.sql.
--
-- records, batches and signatures are partitioned by run, so that deleting a run drops tables instead of
-- leaving millions of dead rows behind. Leases stay in one table: they belong to keyrings, which outlive
-- runs, and a unique index, which keeps a key in one hand, cannot span partitions.
--
-- Hot tables carry no foreign keys: a check per row would cost more than the insert, and the functions
-- of the lease protocol are the only writers. The audit checks every reference instead.

CREATE TYPE chancery.algorithm AS ENUM ('RS256', 'PS256', 'ES256', 'EdDSA');
CREATE TYPE chancery.key_provider AS ENUM ('Local');
CREATE TYPE chancery.envelope AS ENUM ('Raw');
CREATE TYPE chancery.key_state AS ENUM ('active', 'retired');
CREATE TYPE chancery.batch_state AS ENUM ('unsigned', 'leased', 'signed');
CREATE TYPE chancery.batch_closing AS ENUM ('Full', 'Period', 'Sealed');
CREATE TYPE chancery.lease_outcome AS ENUM ('signed', 'expired', 'abandoned');

-- The text that each function of functions/ was last put in place with, by its SHA-256.
CREATE TABLE chancery.functions (
    name text PRIMARY KEY,
    hash text NOT NULL
);

-- A trigger's function is part of its table: replacing it would mean to drop the trigger.
CREATE FUNCTION chancery.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is refused: its rows never change once written',
        TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

-- A keyring owns its keys and the log of their leases. It outlives the runs that sign with it.
CREATE TABLE chancery.keyrings (
    id              integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Bound into every wrapped key, so that a key moved to another ring does not open.
    uid             uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    namespace       text NOT NULL,
    -- Null for the ring of a run that names none: it goes with that run.
    name            text,
    algorithm       chancery.algorithm NOT NULL,
    -- Modulus bits of RSA keys; null for the others.
    key_size        integer,
    -- Keys that the ring is filled with.
    key_count       integer NOT NULL CHECK (key_count >= 1),
    provider        chancery.key_provider NOT NULL DEFAULT 'Local',
    -- What is signed around a payload. One per ring, so that no run's record is another run's signing input.
    envelope        chancery.envelope NOT NULL DEFAULT 'Raw',
    -- Tells which KEK wrapped the keys, without revealing it.
    kek_fingerprint text NOT NULL,
    -- The log of leases begins after this use sequence: what was older has been forgotten.
    forgotten_use   bigint NOT NULL DEFAULT 0 CHECK (forgotten_use >= 0),
    created_at      timestamptz NOT NULL DEFAULT now(),
    -- When the last of its keys joined.
    filled_at       timestamptz,
    UNIQUE (namespace, name),
    CHECK ((algorithm IN ('RS256', 'PS256')) = (key_size IS NOT NULL))
);

CREATE TRIGGER keyrings_keep_their_shape
    BEFORE UPDATE OF uid, namespace, name, algorithm, key_size, provider, envelope, kek_fingerprint
    ON chancery.keyrings FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

-- What changes at every use is kept apart from the key material, which is written once:
-- a use costs a narrow row, not a kilobyte of wrapped key.
CREATE TABLE chancery.keys (
    id          uuid PRIMARY KEY,
    keyring_id  integer NOT NULL REFERENCES chancery.keyrings,
    number      integer NOT NULL CHECK (number >= 1),
    state       chancery.key_state NOT NULL DEFAULT 'active',
    -- Use sequence of the key's newest lease; before the first, that of the ring's newest lease when the key joined.
    last_use    bigint NOT NULL,
    -- The ring's newest use sequence when the key joined, and when it left: it may be chosen for those in between.
    joined_use  bigint NOT NULL CHECK (joined_use >= 0),
    joined_at   timestamptz NOT NULL,
    retired_use bigint,
    retired_at  timestamptz,
    UNIQUE (keyring_id, number),
    CHECK (last_use >= joined_use),
    CHECK (retired_use >= last_use),
    CHECK ((state = 'retired') = (retired_use IS NOT NULL)),
    CHECK ((state = 'retired') = (retired_at IS NOT NULL))
);
CREATE INDEX keys_by_use ON chancery.keys (keyring_id, last_use, number) WHERE state = 'active';

CREATE TABLE chancery.key_material (
    key_id      uuid PRIMARY KEY REFERENCES chancery.keys ON DELETE CASCADE,
    -- SubjectPublicKeyInfo, DER (RFC 5280).
    public_key  bytea NOT NULL,
    -- PKCS#8 under AES-256-GCM; the layout is documented with the keyring.
    wrapped_key bytea NOT NULL
);

CREATE TABLE chancery.runs (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace      text NOT NULL,
    name           text NOT NULL,
    keyring_id     integer NOT NULL REFERENCES chancery.keyrings,
    batch_size     bigint NOT NULL CHECK (batch_size >= 1),
    lease_duration interval NOT NULL CHECK (lease_duration > interval '0'),
    suspended      boolean NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL DEFAULT now(),
    -- Known once the run is sealed: its input is complete.
    record_count   bigint CHECK (record_count >= 0),
    sealed_at      timestamptz,
    completed_at   timestamptz,
    -- Set before anything is removed: from then on nothing is leased.
    deleted_at     timestamptz,
    UNIQUE (namespace, name),
    CHECK ((sealed_at IS NULL) = (record_count IS NULL)),
    CHECK (completed_at IS NULL OR sealed_at IS NOT NULL)
);
CREATE INDEX runs_by_keyring ON chancery.runs (keyring_id);

CREATE TRIGGER runs_keep_their_shape
    BEFORE UPDATE OF namespace, name, keyring_id, batch_size
    ON chancery.runs FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER runs_are_sealed_once
    BEFORE UPDATE OF record_count, sealed_at
    ON chancery.runs FOR EACH ROW WHEN (OLD.sealed_at IS NOT NULL) EXECUTE FUNCTION chancery.refuse_change();

-- Runs that were deleted while their ring goes on: their leases stay in the ring's log.
CREATE TABLE chancery.deleted_runs (
    run_id     integer PRIMARY KEY,
    keyring_id integer NOT NULL REFERENCES chancery.keyrings,
    namespace  text NOT NULL,
    name       text NOT NULL,
    -- The ring's newest use sequence when the run was deleted: none of the run's leases has a later one.
    last_use   bigint NOT NULL,
    deleted_at timestamptz NOT NULL
);
CREATE INDEX deleted_runs_by_keyring ON chancery.deleted_runs (keyring_id);

-- How far a run's input is. Apart from runs, whose rows every signer reads at every lease.
CREATE TABLE chancery.admissions (
    run_id    integer PRIMARY KEY REFERENCES chancery.runs ON DELETE CASCADE,
    -- Records that are admitted: the run has the records 1 to this.
    records   bigint NOT NULL DEFAULT 0 CHECK (records >= 0),
    -- Batches that are closed, and the records in them. The others wait for their batch to close.
    batches   bigint NOT NULL DEFAULT 0 CHECK (batches >= 0),
    batched   bigint NOT NULL DEFAULT 0 CHECK (batched BETWEEN 0 AND records),
    -- When the first of those that wait was admitted.
    opened_at timestamptz,
    CHECK ((batched < records) = (opened_at IS NOT NULL))
);

-- The source of a run whose records are random bytes, made by the database.
CREATE TABLE chancery.generated_sources (
    run_id       integer PRIMARY KEY REFERENCES chancery.runs ON DELETE CASCADE,
    record_count bigint NOT NULL CHECK (record_count >= 1),
    -- Bytes per record.
    record_size  integer NOT NULL CHECK (record_size BETWEEN 0 AND 1048576),
    -- Records per transaction; fixed, so that an interrupted source continues where it was.
    chunk_size   bigint NOT NULL CHECK (chunk_size >= 1)
);

CREATE TRIGGER generated_sources_never_change
    BEFORE UPDATE ON chancery.generated_sources
    FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

-- One row per finished transaction of a generated source, written in that very transaction.
CREATE TABLE chancery.generated_chunks (
    run_id integer NOT NULL REFERENCES chancery.runs ON DELETE CASCADE,
    chunk  bigint NOT NULL CHECK (chunk >= 1),
    PRIMARY KEY (run_id, chunk)
);

CREATE TABLE chancery.records (
    record  bigint NOT NULL CHECK (record >= 1),
    run_id  integer NOT NULL,
    payload bytea NOT NULL CHECK (octet_length(payload) <= 1048576),
    PRIMARY KEY (record, run_id)
) PARTITION BY LIST (run_id);
-- Random bytes and signatures do not compress: do not try.
ALTER TABLE chancery.records ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE TRIGGER records_never_change
    BEFORE UPDATE OR DELETE ON chancery.records
    FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

-- A batch is made when the last of its records is there, and its bounds never change.
CREATE TABLE chancery.batches (
    batch         bigint NOT NULL CHECK (batch >= 1),
    run_id        integer NOT NULL,
    first_record  bigint NOT NULL CHECK (first_record >= 1),
    last_record   bigint NOT NULL,
    -- Sum of the lengths of its payloads.
    payload_bytes bigint NOT NULL CHECK (payload_bytes >= 0),
    -- When its first record was admitted, when it was closed, and what closed it.
    opened_at     timestamptz NOT NULL,
    closed_at     timestamptz NOT NULL,
    closed_by     chancery.batch_closing NOT NULL,
    state         chancery.batch_state NOT NULL DEFAULT 'unsigned',
    -- The lease under which the batch is being, or was, signed.
    lease_id      bigint,
    PRIMARY KEY (batch, run_id),
    CHECK (first_record <= last_record),
    CHECK (opened_at <= closed_at),
    CHECK ((state = 'unsigned') = (lease_id IS NULL))
) PARTITION BY LIST (run_id);
CREATE INDEX batches_pending ON chancery.batches (batch) WHERE state <> 'signed';

CREATE TRIGGER batches_keep_their_bounds
    BEFORE UPDATE OF batch, run_id, first_record, last_record, payload_bytes, opened_at, closed_at, closed_by
    ON chancery.batches FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

-- The lease log of every ring. A row is written when a key is leased and closed when the key goes back to its
-- ring. It outlives its run; keyring_forget says what is removed, and when.
CREATE TABLE chancery.leases (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id       integer NOT NULL,
    batch        bigint NOT NULL,
    keyring_id   integer NOT NULL,
    key_id       uuid NOT NULL,
    holder       text NOT NULL,
    -- Position in the order of all leases of the keyring: 1, 2, 3 and so on, without a gap.
    use_sequence bigint NOT NULL CHECK (use_sequence >= 1),
    -- The instant at which the key was chosen, read under the keyring's lock.
    acquired_at  timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    -- When the batch's signatures were stored.
    signed_at    timestamptz,
    -- The instant at which the key went back to the ring, read under the keyring's lock.
    released_at  timestamptz,
    outcome      chancery.lease_outcome,
    CHECK (acquired_at < expires_at),
    CHECK (acquired_at < released_at),
    CHECK (coalesce(outcome = 'signed', false) = (signed_at IS NOT NULL)),
    CHECK (released_at IS NULL OR outcome IS NOT NULL),
    CHECK (outcome IN ('expired', 'abandoned') <= (released_at IS NOT NULL))
);
CREATE UNIQUE INDEX leases_in_order ON chancery.leases (keyring_id, use_sequence);
CREATE UNIQUE INDEX leases_one_open_per_key ON chancery.leases (key_id) WHERE released_at IS NULL;
CREATE UNIQUE INDEX leases_one_live_per_batch ON chancery.leases (run_id, batch)
    WHERE outcome IS NULL OR outcome = 'signed';
CREATE INDEX leases_open ON chancery.leases (keyring_id, use_sequence) WHERE released_at IS NULL;
-- Only releases are looked for by time. An index of all leases would be one more way to find those of a ring.
CREATE INDEX leases_released ON chancery.leases (keyring_id, released_at) WHERE released_at IS NOT NULL;

CREATE TABLE chancery.signatures (
    record    bigint NOT NULL,
    lease_id  bigint NOT NULL,
    run_id    integer NOT NULL,
    signature bytea NOT NULL,
    PRIMARY KEY (record, run_id)
) PARTITION BY LIST (run_id);
ALTER TABLE chancery.signatures ALTER COLUMN signature SET STORAGE EXTERNAL;

CREATE TRIGGER signatures_never_change
    BEFORE UPDATE OR DELETE ON chancery.signatures
    FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
