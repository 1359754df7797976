-- Payloads that are pushed. What becomes of them is in records and arrivals, as of all that is offered; here is only what a
-- client calls its requests, so that one that is sent again is answered as it was the first time. docs/internals/pushing.md.

CREATE TABLE chancery.pushes (
    run_id       integer NOT NULL REFERENCES chancery.runs ON DELETE CASCADE,
    -- SHA-256 of the name that the client gave to the request, and of what it sent.
    key_hash     bytea NOT NULL CHECK (octet_length(key_hash) = 32),
    digest       bytea NOT NULL CHECK (octet_length(digest) = 32),
    source       integer NOT NULL,
    split        integer NOT NULL,
    -- Its arrivals, one behind the other, and the number of the first record among them, or of what came next if none is one.
    position     bigint NOT NULL CHECK (position >= 0),
    arrivals     bigint NOT NULL CHECK (arrivals >= 1),
    first_record bigint NOT NULL CHECK (first_record >= 1),
    PRIMARY KEY (run_id, key_hash)
);

CREATE TRIGGER pushes_never_change
    BEFORE UPDATE ON chancery.pushes FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
