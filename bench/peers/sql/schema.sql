-- What every peer works on. The queue, where a peer has one, is its own.
CREATE SCHEMA work;

CREATE TABLE work.records (
    record bigint PRIMARY KEY,
    payload bytea NOT NULL
);

-- Updated at every use, so kept small and apart from the key itself.
CREATE TABLE work.keys (
    id integer PRIMARY KEY,
    last_use bigint NOT NULL DEFAULT 0,
    taken_at timestamptz
) WITH (fillfactor = 50);

CREATE SEQUENCE work.key_uses;

-- In the clear: the peers are spared the unwrapping.
CREATE TABLE work.key_material (
    key integer PRIMARY KEY REFERENCES work.keys,
    pkcs8 bytea NOT NULL,
    public_key bytea NOT NULL
);

CREATE TABLE work.signatures (
    record bigint PRIMARY KEY,
    key integer NOT NULL,
    signature bytea NOT NULL
);

-- One row a batch, as Chancery's leases: who used which key from when to when.
CREATE TABLE work.uses (
    batch bigint PRIMARY KEY,
    key integer NOT NULL,
    taken_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL
);

-- The queue of those that have no other.
CREATE TABLE work.batches (
    batch bigint PRIMARY KEY,
    signed boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50);
CREATE INDEX batches_unsigned ON work.batches (batch) WHERE NOT signed;
