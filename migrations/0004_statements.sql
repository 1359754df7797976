-- What is stated of a run, outside of the ledger's reach: the roots of its batches, of which a statement is soon made,
-- and the statements themselves, each signed with a key that is in no ledger. docs/internals/statements.md says what
-- is in them. Signers have nothing to do with either.

CREATE TYPE chancery.batch_tree AS ENUM ('Payloads', 'Signatures');
CREATE TYPE chancery.statement_kind AS ENUM ('Sealed', 'Signed');

-- What stands for a batch in the Merkle trees of its run: a hash over its bounds and the root of its own tree, for its
-- signatures also over the lease and the key. They are made in the order of the batches, without a gap.
CREATE TABLE chancery.batch_roots (
    run_id integer NOT NULL,
    tree   chancery.batch_tree NOT NULL,
    batch  bigint NOT NULL CHECK (batch >= 1),
    root   bytea NOT NULL CHECK (octet_length(root) = 32),
    PRIMARY KEY (run_id, tree, batch)
);

CREATE TRIGGER batch_roots_never_change
    BEFORE UPDATE ON chancery.batch_roots
    FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

-- Roots go with their run, and not before.
CREATE FUNCTION chancery.refuse_removal_of_roots() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM removed g JOIN chancery.runs r ON r.id = g.run_id) THEN
        RAISE EXCEPTION 'DELETE of chancery.batch_roots is refused: its run is in the ledger'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER batch_roots_go_with_their_run
    AFTER DELETE ON chancery.batch_roots REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION chancery.refuse_removal_of_roots();

-- One chain for the whole ledger. It outlives the runs that it speaks of.
CREATE TABLE chancery.statements (
    -- 1, 2, 3 and so on, without a gap.
    number    bigint PRIMARY KEY CHECK (number >= 1),
    -- SHA-256 of the body; the next statement names it.
    hash      bytea NOT NULL UNIQUE CHECK (hash = sha256(body)),
    previous  bytea UNIQUE REFERENCES chancery.statements (hash),
    run_uid   uuid NOT NULL,
    kind      chancery.statement_kind NOT NULL,
    -- SHA-256 of the public key.
    key_id    text NOT NULL,
    -- The statement, as it was signed.
    body      bytea NOT NULL,
    signature bytea NOT NULL,
    UNIQUE (run_uid, kind),
    CHECK ((number = 1) = (previous IS NULL))
);

CREATE TRIGGER statements_never_change
    BEFORE UPDATE OR DELETE ON chancery.statements
    FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
