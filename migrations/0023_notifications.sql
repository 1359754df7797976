-- Notifications: who is told of what happens to a run. An event is written in the transaction in which it happens, once for each
-- notification that lists it, so nothing that happened is forgotten. docs/internals/notifying.md says how it is kept that each is told
-- at least once. A former version would sign without such rows, and is refused.

SET LOCAL statement_timeout = 0;

CREATE TABLE chancery.notifications (
    run_id        integer NOT NULL REFERENCES chancery.runs ON DELETE CASCADE,
    -- In the order of the manifest: 1, 2, 3 and so on.
    notification  integer NOT NULL CHECK (notification >= 1),
    name          text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 253),
    -- What the manifest says of it. No secret, and no name of one.
    description   jsonb NOT NULL CHECK (jsonb_typeof(description) = 'object'),
    -- Of what it is told.
    events        text[] NOT NULL CHECK (
        cardinality(events) >= 1
        AND events <@ ARRAY['run.started', 'run.completed', 'run.failed', 'batch.signed', 'record.signed', 'record.rejected', 'record.dead',
                            'policy.alert', 'delivery.dead']),
    -- With so many refusals, an event is a dead letter.
    attempt_limit integer NOT NULL CHECK (attempt_limit BETWEEN 1 AND 20),
    -- Of how many events it was told, and how many were given up.
    told          bigint NOT NULL DEFAULT 0 CHECK (told >= 0),
    dead          bigint NOT NULL DEFAULT 0 CHECK (dead >= 0),
    -- While it cannot be reached: since when, how often it was tried since, when it is tried again, and what the last error was.
    unavailable_since timestamptz,
    failures      integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    not_before    timestamptz,
    -- When that was said. A clock that shows less has been set back since.
    tried_at      timestamptz,
    last_error    text CHECK (octet_length(last_error) <= 4096),
    PRIMARY KEY (run_id, notification),
    UNIQUE (run_id, name),
    CHECK ((unavailable_since IS NULL) = (failures = 0)),
    CHECK ((unavailable_since IS NULL) = (not_before IS NULL)),
    CHECK ((unavailable_since IS NULL) = (tried_at IS NULL)),
    CHECK ((unavailable_since IS NULL) = (last_error IS NULL))
    -- Each event that ends changes a row, and no index of it.
) WITH (fillfactor = 50);

CREATE TRIGGER notifications_keep_their_shape
    BEFORE UPDATE OF run_id, notification, name, description, events, attempt_limit
    ON chancery.notifications FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER notifications_only_get_more
    BEFORE UPDATE OF told, dead
    ON chancery.notifications FOR EACH ROW WHEN (NEW.told < OLD.told OR NEW.dead < OLD.dead) EXECUTE FUNCTION chancery.refuse_change();

-- What a row has to be like, in one function: see 0012_cheaper_batches.sql.
CREATE FUNCTION chancery.event_is_sound(
    what text, notification integer, state chancery.delivery_state, attempts integer, last_error text, holder text, token_hash bytea,
    ended_at timestamptz, told_to bigint, told bigint) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN octet_length(what) BETWEEN 1 AND 1024
       AND notification >= 1
       AND attempts BETWEEN 0 AND 20
       AND (attempts = 0 OR last_error IS NOT NULL)
       AND octet_length(last_error) <= 4096
       AND octet_length(holder) <= 1024
       AND octet_length(token_hash) = 32
       AND (token_hash IS NULL) = (holder IS NULL)
       AND (state = 'Pending' OR token_hash IS NULL)
       AND (state = 'Pending') = (ended_at IS NULL)
       AND (state <> 'Dead' OR last_error IS NOT NULL)
       AND (told_to IS NULL) = (told IS NULL)
       AND (told_to IS NULL OR told_to >= 1 AND told >= 0 AND what ~ '^record[.]signed/[0-9]+$');
END
$$;

CREATE TABLE chancery.events (
    -- What happened, and to what: batch.signed/17. In its run, that happened once.
    what         text COLLATE "C" NOT NULL,
    notification integer NOT NULL,
    run_id       integer NOT NULL,
    -- What is told of it. Null for a signed batch, and for its records, of which the ledger has all there is to tell.
    data         jsonb CHECK (jsonb_typeof(data) = 'object' AND octet_length(data::text) <= 16384),
    happened_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- In which trace it came, of what is told of arrivals that came in one.
    traceparent  text CHECK (octet_length(traceparent) = 55),
    state        chancery.delivery_state NOT NULL DEFAULT 'Pending',
    -- How often the receiver refused it, and what it said the last time. That it could not be reached does not count.
    attempts     integer NOT NULL DEFAULT 0,
    last_error   text,
    -- When it is next handed out: after a pause, or if whoever has it lets it lie for that long.
    not_before   timestamptz NOT NULL DEFAULT '-infinity',
    -- When that was said, if it was put off. A clock that shows less has been set back since.
    put_off_at   timestamptz,
    -- Whoever has it, and the SHA-256 of its token.
    holder       text,
    token_hash   bytea,
    ended_at     timestamptz,
    -- Of a batch that is told of record by record: up to which record that is done, and how many were told. One that was refused has a
    -- row of its own.
    told_to      bigint,
    told         bigint,
    PRIMARY KEY (what, notification, run_id),
    CHECK (chancery.event_is_sound(what, notification, state, attempts, last_error, holder, token_hash, ended_at, told_to, told))
) PARTITION BY LIST (run_id);
-- What is due, that which has been for longest first.
CREATE INDEX events_due ON chancery.events (notification, not_before, what) WHERE state = 'Pending';

CREATE TRIGGER events_keep_their_shape
    BEFORE UPDATE OF what, notification, run_id, data, happened_at, traceparent
    ON chancery.events FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER events_count_their_attempts
    BEFORE UPDATE OF attempts
    ON chancery.events FOR EACH ROW WHEN (NEW.attempts NOT IN (OLD.attempts, OLD.attempts + 1)) EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER events_end_once
    BEFORE UPDATE
    ON chancery.events FOR EACH ROW WHEN (OLD.state <> 'Pending') EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER events_are_not_lost
    BEFORE DELETE ON chancery.events FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER events_only_get_further
    BEFORE UPDATE OF told_to, told
    ON chancery.events FOR EACH ROW
    WHEN (OLD.told_to IS NOT NULL AND (NEW.told_to >= OLD.told_to AND NEW.told >= OLD.told) IS NOT TRUE)
    EXECUTE FUNCTION chancery.refuse_change();

-- Whether somebody is told of each record of a source, once that is signed.
ALTER TABLE chancery.sources ADD COLUMN confirm boolean NOT NULL DEFAULT false;
CREATE TRIGGER sources_keep_confirming
    BEFORE UPDATE OF confirm ON chancery.sources FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
