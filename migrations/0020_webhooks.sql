-- Webhooks: arrivals that wait for what others say of them, and what those said. docs/internals/asking.md says how it is kept that each
-- is judged once, that none is lost meanwhile, and that it can be judged again.

SET LOCAL statement_timeout = 0;

-- An arrival that waits is counted as received, and as nothing else yet. Those that may become records have their room.
ALTER TABLE chancery.intakes
    ADD COLUMN pending bigint NOT NULL DEFAULT 0 CHECK (pending >= 0),
    DROP CONSTRAINT intakes_check,
    ADD CONSTRAINT intakes_check CHECK (received = admitted + duplicates + dead + rejected + pending),
    DROP CONSTRAINT intakes_check1,
    ADD CONSTRAINT intakes_check1 CHECK (admitted + pending <= record_limit);

ALTER TABLE chancery.splits
    ADD COLUMN pending bigint NOT NULL DEFAULT 0 CHECK (pending >= 0),
    DROP CONSTRAINT splits_check2,
    ADD CONSTRAINT splits_check2 CHECK (received = admitted + duplicates + dead + rejected + pending);

-- A split that is read to its end offers nothing more: what waits of it becomes one or the other, and dead letters are taken up.
DROP TRIGGER splits_take_up_letters_alone ON chancery.splits;
CREATE TRIGGER splits_settle_what_is_left
    BEFORE UPDATE OF admitted, duplicates, dead, rejected, pending
    ON chancery.splits FOR EACH ROW
    WHEN (OLD.done_at IS NOT NULL AND (NEW.admitted < OLD.admitted OR NEW.duplicates < OLD.duplicates OR NEW.rejected < OLD.rejected
                                       OR NEW.pending > OLD.pending))
    EXECUTE FUNCTION chancery.refuse_change();

-- What waits of a call that is admitted: places, payloads, and the identities of those in a run that names payloads by an expression.
ALTER TYPE chancery.judgement
    ADD ATTRIBUTE pending  bigint[],
    ADD ATTRIBUTE payloads bytea[],
    ADD ATTRIBUTE names    bytea[];

-- Beside the records of a run whose policy asks others, a table each per run.

-- Arrivals that wait to be judged. A row goes in the transaction in which its arrival becomes a record or an arrival of another state.
CREATE TABLE chancery.pendings (
    source     integer NOT NULL,
    split      integer NOT NULL,
    position   bigint NOT NULL,
    run_id     integer NOT NULL,
    payload    bytea NOT NULL CHECK (octet_length(payload) <= 1048576),
    -- The value that names it, as canonical JSON, in a run that names payloads by an expression.
    name       bytea,
    arrived_at timestamptz NOT NULL,
    -- Attempts that failed, and why the last one did.
    attempts   integer NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 20),
    last_error text CHECK (octet_length(last_error) <= 4096),
    -- When it is next handed out: after a pause, or if whoever has it lets it lie for that long.
    not_before timestamptz NOT NULL,
    -- Whoever has it, and the SHA-256 of its token.
    holder     text CHECK (octet_length(holder) <= 1024),
    token_hash bytea CHECK (octet_length(token_hash) = 32),
    PRIMARY KEY (source, split, position, run_id),
    CHECK (attempts = 0 OR last_error IS NOT NULL),
    CHECK ((token_hash IS NULL) = (holder IS NULL))
) PARTITION BY LIST (run_id);
-- What is due, that which has been for longest first.
CREATE INDEX pendings_due ON chancery.pendings (not_before, source, split, position);

CREATE TRIGGER pendings_keep_their_shape
    BEFORE UPDATE OF source, split, position, run_id, payload, name, arrived_at
    ON chancery.pendings FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER pendings_count_their_attempts
    BEFORE UPDATE OF attempts
    ON chancery.pendings FOR EACH ROW WHEN (NEW.attempts NOT IN (OLD.attempts, OLD.attempts + 1)) EXECUTE FUNCTION chancery.refuse_change();

-- What others said of arrivals that waited, and by which they were judged: of each that is not a duplicate.
CREATE TABLE chancery.answers (
    source   integer NOT NULL,
    split    integer NOT NULL,
    position bigint NOT NULL,
    run_id   integer NOT NULL,
    -- How often it was asked for.
    attempts integer NOT NULL CHECK (attempts BETWEEN 1 AND 21),
    -- As JSON, in the words of whoever asks.
    answers  text NOT NULL CHECK (octet_length(answers) BETWEEN 2 AND 1048576),
    PRIMARY KEY (source, split, position, run_id)
) PARTITION BY LIST (run_id);

CREATE TRIGGER answers_never_change
    BEFORE UPDATE OR DELETE ON chancery.answers FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
