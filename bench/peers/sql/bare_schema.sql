-- The least that a database has for batches: keys in place, a log of their uses, and a row of signatures per batch.
CREATE SCHEMA bare;

CREATE TABLE bare.keys (
    id integer PRIMARY KEY,
    last_use bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE SEQUENCE bare.uses_taken;

CREATE TABLE bare.uses (
    use bigint PRIMARY KEY,
    key integer NOT NULL,
    taken_at timestamptz NOT NULL
);

CREATE TABLE bare.signatures (
    use bigint PRIMARY KEY,
    signatures bytea NOT NULL
);
ALTER TABLE bare.signatures ALTER signatures SET STORAGE EXTERNAL;

-- Signatures of a batch, which a signer would have sent.
CREATE TABLE bare.sample (signatures bytea NOT NULL);
ALTER TABLE bare.sample ALTER signatures SET STORAGE EXTERNAL;

-- Takes the least recently used key. Its commit does not wait for the disk.
CREATE FUNCTION bare.take() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_key integer;
    v_use bigint;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    v_use := nextval('bare.uses_taken');
    UPDATE bare.keys SET last_use = v_use
     WHERE id = (SELECT id FROM bare.keys ORDER BY last_use, id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id INTO v_key;
    INSERT INTO bare.uses (use, key, taken_at) VALUES (v_use, v_key, clock_timestamp());
    RETURN v_use;
END
$$;
