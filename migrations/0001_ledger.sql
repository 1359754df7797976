-- The ledger: runs, keys, records, batches, leases, signatures.
--
-- records, batches and signatures are partitioned by run, so that deleting a run
-- drops tables instead of leaving millions of dead rows behind. Leases stay in one
-- table: the exclusivity of a key must hold across all of them, and a unique index
-- can not span partitions.
--
-- Hot tables carry no foreign keys: a check a row would cost more than the insert,
-- and the functions of the lease protocol are the only writers. The audit looks at
-- every reference instead.

CREATE TYPE chancery.algorithm AS ENUM ('RS256', 'PS256', 'ES256', 'EdDSA');
CREATE TYPE chancery.batch_state AS ENUM ('unsigned', 'leased', 'signed');
CREATE TYPE chancery.lease_outcome AS ENUM ('signed', 'expired', 'abandoned');

CREATE FUNCTION chancery.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is refused: its rows never change once written',
        TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TABLE chancery.keyrings (
    id              integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Bound into every wrapped key, so that a key moved to another ring does not open.
    uid             uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    -- Tells which KEK wrapped the keys, without revealing it.
    kek_fingerprint text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now()
);

-- What changes at every use is kept apart from the key material, which is written once:
-- a use costs a narrow row, not a kilobyte of wrapped key.
CREATE TABLE chancery.keys (
    id         uuid PRIMARY KEY,
    keyring_id integer NOT NULL REFERENCES chancery.keyrings,
    number     integer NOT NULL CHECK (number >= 1),
    -- Use sequence of the key's newest lease; 0 before the first.
    last_use   bigint NOT NULL DEFAULT 0 CHECK (last_use >= 0),
    UNIQUE (keyring_id, number)
);
CREATE INDEX keys_by_use ON chancery.keys (keyring_id, last_use, number);

CREATE TABLE chancery.key_material (
    key_id      uuid PRIMARY KEY REFERENCES chancery.keys ON DELETE CASCADE,
    algorithm   chancery.algorithm NOT NULL,
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
    record_count   bigint NOT NULL CHECK (record_count >= 1),
    -- Bytes a record.
    record_size    integer NOT NULL CHECK (record_size >= 1),
    key_count      integer NOT NULL CHECK (key_count >= 1),
    batch_size     bigint NOT NULL CHECK (batch_size >= 1),
    algorithm      chancery.algorithm NOT NULL,
    -- Modulus bits of RSA keys; null for the others.
    key_size       integer,
    lease_duration interval NOT NULL CHECK (lease_duration > interval '0'),
    batch_count    bigint NOT NULL GENERATED ALWAYS AS ((record_count + batch_size - 1) / batch_size) STORED,
    -- Records a seeding transaction; fixed, so that an interrupted seeding continues where it was.
    seed_chunk     bigint NOT NULL CHECK (seed_chunk >= 1),
    suspended      boolean NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL DEFAULT now(),
    seeded_at      timestamptz,
    completed_at   timestamptz,
    -- Set before anything is removed: from then on nothing is leased.
    deleted_at     timestamptz,
    UNIQUE (namespace, name)
);

CREATE TRIGGER runs_keep_their_shape
    BEFORE UPDATE OF namespace, name, keyring_id, record_count, record_size, key_count,
                     batch_size, algorithm, key_size, seed_chunk
    ON chancery.runs FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

-- One row a finished seeding transaction, written in that very transaction.
CREATE TABLE chancery.seed_chunks (
    run_id integer NOT NULL REFERENCES chancery.runs ON DELETE CASCADE,
    chunk  bigint NOT NULL CHECK (chunk >= 1),
    PRIMARY KEY (run_id, chunk)
);

CREATE TABLE chancery.records (
    record  bigint NOT NULL CHECK (record >= 1),
    run_id  integer NOT NULL,
    payload bytea NOT NULL,
    PRIMARY KEY (record, run_id)
) PARTITION BY LIST (run_id);
-- Random bytes and signatures do not compress: do not try.
ALTER TABLE chancery.records ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE TRIGGER records_never_change
    BEFORE UPDATE OR DELETE ON chancery.records
    FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TABLE chancery.batches (
    batch        bigint NOT NULL CHECK (batch >= 1),
    run_id       integer NOT NULL,
    first_record bigint NOT NULL,
    last_record  bigint NOT NULL,
    state        chancery.batch_state NOT NULL DEFAULT 'unsigned',
    -- The lease under which the batch is being, or was, signed.
    lease_id     bigint,
    PRIMARY KEY (batch, run_id),
    CHECK (first_record <= last_record),
    CHECK ((state = 'unsigned') = (lease_id IS NULL))
) PARTITION BY LIST (run_id);
CREATE INDEX batches_pending ON chancery.batches (batch) WHERE state <> 'signed';

-- The lease log. A row is written when a key is leased and closed when the key goes back
-- to its ring; it is never deleted while the run exists.
CREATE TABLE chancery.leases (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id       integer NOT NULL,
    batch        bigint NOT NULL,
    keyring_id   integer NOT NULL,
    key_id       uuid NOT NULL,
    holder       text NOT NULL,
    -- Position in the order of all leases of the keyring: 1, 2, 3, … without a gap.
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
CREATE INDEX leases_by_release ON chancery.leases (keyring_id, released_at);

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
