-- A data key for each keyring. It wraps the ring's private keys, and is itself wrapped by the KEK. Who signs for a run is
-- given the data key of its ring, and never the KEK; and another KEK needs 61 bytes of each ring wrapped anew, no key.
--
-- Private keys that the KEK itself has wrapped cannot be wrapped anew here, where no KEK ever is.
DO $$
BEGIN
    IF EXISTS (SELECT FROM chancery.keyrings) THEN
        RAISE EXCEPTION 'the ledger has keyrings without a data key' USING ERRCODE = 'CH005';
    END IF;
END
$$;

DROP TRIGGER keyrings_keep_their_shape ON chancery.keyrings;
ALTER TABLE chancery.keyrings
    DROP COLUMN kek_fingerprint,
    -- Tells which data key wraps the private keys, without revealing it. It is the same as long as the ring is there.
    ADD COLUMN data_key_fingerprint text NOT NULL;
CREATE TRIGGER keyrings_keep_their_shape
    BEFORE UPDATE OF uid, namespace, name, algorithm, key_size, provider, envelope, data_key_fingerprint
    ON chancery.keyrings FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

-- Apart from keyrings, which signers read.
CREATE TABLE chancery.data_keys (
    keyring_id      integer PRIMARY KEY REFERENCES chancery.keyrings ON DELETE CASCADE,
    -- Under AES-256-GCM, bound to the ring's uid; the layout is documented with the keyring.
    wrapped         bytea NOT NULL CHECK (octet_length(wrapped) BETWEEN 1 AND 256),
    -- Tells which KEK wrapped it, without revealing it.
    kek_fingerprint text NOT NULL,
    wrapped_at      timestamptz NOT NULL DEFAULT now()
);

-- The Secret of a run on a cluster: whoever makes it may not read it, so its name is kept here.
CREATE TABLE chancery.run_secrets (
    run_id    integer PRIMARY KEY REFERENCES chancery.runs ON DELETE CASCADE,
    -- The SigningRun that it belongs to, with which it is removed: another of that name needs another Secret.
    owner_uid text NOT NULL,
    -- Never used before, and never again.
    name      text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 253),
    -- Tells whether what is in it is still right, without revealing it.
    content   text NOT NULL,
    -- When it was known to be there; null while it may or may not be.
    made_at   timestamptz
);
