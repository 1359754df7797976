-- Sinks: where a run's signed records go. A delivery is one batch on its way to one sink. Its row is written in the transaction that
-- stores the batch's signatures, so no signed batch is forgotten. docs/internals/delivering.md says how it is kept that each comes to
-- each sink at least once. A former version would sign without such rows, and is refused.

SET LOCAL statement_timeout = 0;

CREATE TYPE chancery.delivery_state AS ENUM ('Pending', 'Delivered', 'Dead');
ALTER TYPE chancery.login_work ADD VALUE IF NOT EXISTS 'Deliver';

CREATE TABLE chancery.sinks (
    run_id        integer NOT NULL REFERENCES chancery.runs ON DELETE CASCADE,
    -- In the order of the manifest: 1, 2, 3 and so on.
    sink          integer NOT NULL CHECK (sink >= 1),
    name          text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 253),
    -- What the manifest says of it. No secret, and no name of one.
    description   jsonb NOT NULL CHECK (jsonb_typeof(description) = 'object'),
    -- Whether it takes batches only in their order.
    ordered       boolean NOT NULL,
    -- With so many refusals, a delivery is a dead letter.
    attempt_limit integer NOT NULL CHECK (attempt_limit BETWEEN 1 AND 20),
    -- How many batches it has, and how many were given up. In one that takes them in order, those are the first ones of the run, with
    -- what is taken up again.
    delivered     bigint NOT NULL DEFAULT 0 CHECK (delivered >= 0),
    dead          bigint NOT NULL DEFAULT 0 CHECK (dead >= 0),
    -- How many were given up, are taken up again, and have not ended since.
    redriven      bigint NOT NULL DEFAULT 0 CHECK (redriven >= 0),
    -- While it cannot be reached: since when, how often it was tried since, when it is tried again, and what the last error was.
    unavailable_since timestamptz,
    failures      integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    not_before    timestamptz,
    -- When that was said. A clock that shows less has been set back since.
    tried_at      timestamptz,
    last_error    text CHECK (octet_length(last_error) <= 4096),
    PRIMARY KEY (run_id, sink),
    UNIQUE (run_id, name),
    CHECK ((unavailable_since IS NULL) = (failures = 0)),
    CHECK ((unavailable_since IS NULL) = (not_before IS NULL)),
    CHECK ((unavailable_since IS NULL) = (tried_at IS NULL)),
    CHECK ((unavailable_since IS NULL) = (last_error IS NULL))
    -- Each batch that ends changes a row, and no index of it.
) WITH (fillfactor = 50);

CREATE TRIGGER sinks_keep_their_shape
    BEFORE UPDATE OF run_id, sink, name, description, ordered, attempt_limit
    ON chancery.sinks FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER sinks_only_get_more
    BEFORE UPDATE OF delivered, dead, redriven
    ON chancery.sinks FOR EACH ROW
    WHEN (NEW.delivered < OLD.delivered OR NEW.delivered + NEW.dead + NEW.redriven < OLD.delivered + OLD.dead + OLD.redriven)
    EXECUTE FUNCTION chancery.refuse_change();

-- What a row has to be like, in one function: see 0012_cheaper_batches.sql.
CREATE FUNCTION chancery.delivery_is_sound(
    batch bigint, sink integer, state chancery.delivery_state, attempts integer, last_error text, holder text, token_hash bytea,
    object text, digest bytea, ended_at timestamptz, redrives integer, discarded boolean) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN batch >= 1
       AND sink >= 1
       AND attempts BETWEEN 0 AND 20
       AND (attempts = 0 OR last_error IS NOT NULL)
       AND octet_length(last_error) <= 4096
       AND octet_length(holder) <= 1024
       AND octet_length(token_hash) = 32
       AND octet_length(object) BETWEEN 1 AND 1024
       AND octet_length(digest) = 32
       AND (token_hash IS NULL) = (holder IS NULL)
       AND (state = 'Pending' OR token_hash IS NULL)
       AND (state = 'Pending') = (ended_at IS NULL)
       AND (state = 'Delivered') = (object IS NOT NULL)
       AND (state = 'Delivered') = (digest IS NOT NULL)
       AND (state <> 'Dead' OR attempts > 0)
       AND redrives >= 0
       AND (NOT discarded OR state = 'Dead');
END
$$;

CREATE TABLE chancery.deliveries (
    batch      bigint NOT NULL,
    sink       integer NOT NULL,
    run_id     integer NOT NULL,
    state      chancery.delivery_state NOT NULL DEFAULT 'Pending',
    -- How often the sink refused it, and what it said the last time. That the sink could not be reached does not count.
    attempts   integer NOT NULL DEFAULT 0,
    last_error text,
    -- When it is next handed out: after a pause, or if whoever has it lets it lie for that long.
    not_before timestamptz NOT NULL DEFAULT '-infinity',
    -- When that was said, if it was put off. A clock that shows less has been set back since.
    put_off_at timestamptz,
    -- Whoever has it, and the SHA-256 of its token.
    holder     text,
    token_hash bytea,
    -- What the sink knows it by, and the SHA-256 of what was delivered, before it was compressed.
    object     text,
    digest     bytea,
    ended_at   timestamptz,
    -- How often it was taken up again after it had been given up; attempts count anew each time.
    redrives   integer NOT NULL DEFAULT 0,
    -- Whether it was given up for good.
    discarded  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (batch, sink, run_id),
    CHECK (chancery.delivery_is_sound(batch, sink, state, attempts, last_error, holder, token_hash, object, digest, ended_at, redrives,
                                      discarded))
) PARTITION BY LIST (run_id);
-- What is due, that which has been for longest first.
CREATE INDEX deliveries_due ON chancery.deliveries (sink, not_before, batch) WHERE state = 'Pending';

CREATE TRIGGER deliveries_keep_their_shape
    BEFORE UPDATE OF batch, sink, run_id
    ON chancery.deliveries FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER deliveries_count_their_attempts
    BEFORE UPDATE OF attempts
    ON chancery.deliveries FOR EACH ROW
    WHEN (NEW.attempts NOT IN (OLD.attempts, OLD.attempts + 1) AND NOT (NEW.attempts = 0 AND NEW.redrives = OLD.redrives + 1))
    EXECUTE FUNCTION chancery.refuse_change();
-- What is delivered stays so. What is dead stays so, until somebody takes it up again, or discards it: that is written down.
CREATE TRIGGER deliveries_end_once
    BEFORE UPDATE
    ON chancery.deliveries FOR EACH ROW
    WHEN (OLD.state = 'Delivered'
          OR OLD.state = 'Dead' AND (OLD.discarded OR NOT (NEW.state = 'Pending' AND NEW.redrives = OLD.redrives + 1)
                                                      AND NOT (NEW.state = 'Dead' AND NEW.discarded))
          OR OLD.state = 'Pending' AND NEW.redrives <> OLD.redrives)
    EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER deliveries_are_not_lost
    BEFORE DELETE ON chancery.deliveries FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

-- What somebody did with dead letters of deliveries: each act, letter by letter, with what was said of it before.
CREATE TABLE chancery.delivery_moves (
    run_id     integer NOT NULL,
    sink       integer NOT NULL,
    batch      bigint NOT NULL CHECK (batch >= 1),
    -- 1 for the first time, and so on, for as long as it is dead again.
    attempt    integer NOT NULL CHECK (attempt >= 1),
    -- 1, 2, 3 and so on in the run; what was done at once has one number.
    act        integer NOT NULL CHECK (act >= 1),
    kind       chancery.letter_act NOT NULL,
    attempts   integer NOT NULL CHECK (attempts >= 1),
    last_error text NOT NULL CHECK (octet_length(last_error) <= 4096),
    died_at    timestamptz NOT NULL,
    -- Which were meant, in the words of whoever asked. Empty: all that there were.
    selection  text NOT NULL CHECK (octet_length(selection) <= 4096),
    -- Who, as the program says that asked, and as the server knows it.
    actor      text NOT NULL CHECK (octet_length(actor) BETWEEN 1 AND 1024),
    login      text NOT NULL DEFAULT session_user,
    acted_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, sink, batch, attempt),
    FOREIGN KEY (run_id, sink) REFERENCES chancery.sinks ON DELETE CASCADE
);
CREATE INDEX delivery_moves_of_acts ON chancery.delivery_moves (run_id, act);
CREATE TRIGGER delivery_moves_never_change
    BEFORE UPDATE ON chancery.delivery_moves FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

-- The manifest of a sink that takes one: what tells whoever has the objects that none is missing. It is brought there once each batch has
-- ended, and anew when what it says has changed since.
CREATE TABLE chancery.manifests (
    run_id     integer NOT NULL,
    sink       integer NOT NULL,
    -- 1 for the first, and one more each time that something else is to be said than the one before may have said already.
    number     integer NOT NULL DEFAULT 1 CHECK (number >= 1),
    -- Whether the statements about the run are in it. It waits for them.
    stated     boolean NOT NULL DEFAULT false,
    -- How often the sink refused it, and what it said the last time.
    attempts   integer NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 20),
    last_error text CHECK (octet_length(last_error) <= 4096),
    -- When it is next handed out; null before the first time.
    not_before timestamptz,
    -- When that was said. A clock that shows less has been set back since.
    put_off_at timestamptz,
    -- Whoever has it, and the SHA-256 of its token.
    holder     text CHECK (octet_length(holder) <= 1024),
    token_hash bytea CHECK (octet_length(token_hash) = 32),
    -- What the sink knows it by, and its SHA-256; null in one that was given up.
    object     text CHECK (octet_length(object) BETWEEN 1 AND 1024),
    digest     bytea CHECK (octet_length(digest) = 32),
    ended_at   timestamptz,
    PRIMARY KEY (run_id, sink),
    FOREIGN KEY (run_id, sink) REFERENCES chancery.sinks ON DELETE CASCADE,
    CHECK (attempts = 0 OR last_error IS NOT NULL),
    CHECK ((not_before IS NULL) = (put_off_at IS NULL)),
    CHECK ((token_hash IS NULL) = (holder IS NULL)),
    CHECK ((object IS NULL) = (digest IS NULL)),
    CHECK (ended_at IS NULL OR token_hash IS NULL),
    CHECK (ended_at IS NOT NULL OR object IS NULL),
    CHECK (ended_at IS NULL OR object IS NOT NULL OR attempts > 0)
) WITH (fillfactor = 50);
CREATE TRIGGER manifests_keep_their_shape
    BEFORE UPDATE OF run_id, sink ON chancery.manifests FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
-- What was brought stays so, and what was handed out says the same each time, until another number is due.
CREATE TRIGGER manifests_end_once
    BEFORE UPDATE ON chancery.manifests FOR EACH ROW
    WHEN (NEW.number NOT IN (OLD.number, OLD.number + 1)
          OR NEW.number = OLD.number AND (OLD.ended_at IS NOT NULL OR OLD.not_before IS NOT NULL AND NEW.stated <> OLD.stated))
    EXECUTE FUNCTION chancery.refuse_change();

-- A login signs, admits or delivers. The letter before the run's number says which. As text, because nothing of this transaction may
-- use a value that it adds.
ALTER TABLE chancery.logins
    DROP CONSTRAINT logins_check,
    ADD CHECK (name ~ ('^chancery_[0-9a-f]{12}_' || CASE work::text WHEN 'Sign' THEN 'r' WHEN 'Admit' THEN 'i' ELSE 'd' END
                       || '[1-9][0-9]{0,9}_[0-9a-f]{8}$'));
