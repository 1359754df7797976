-- Policies: what judges the arrivals of a run before one of them is a record. docs/internals/admission.md says how it is kept that
-- a run is judged by one version of its policy, and that it can be evaluated again.

SET LOCAL statement_timeout = 0;

-- A former version does not know this state, nor the functions that have it.
ALTER TYPE chancery.arrival_state ADD VALUE IF NOT EXISTS 'Rejected';

-- A version of a policy: its text in canonical JSON, tables included, by the SHA-256 of that. It goes with the last run that names it.
CREATE TABLE chancery.policies (
    hash    bytea PRIMARY KEY,
    text    text NOT NULL CHECK (octet_length(text) <= 4194304),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (sha256(convert_to(text, 'UTF8')) = hash)
);

CREATE TRIGGER policies_never_change
    BEFORE UPDATE ON chancery.policies FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

ALTER TABLE chancery.runs
    ADD COLUMN policy_name text CHECK (octet_length(policy_name) <= 253),
    ADD COLUMN policy_hash bytea REFERENCES chancery.policies,
    ADD CHECK ((policy_name IS NULL) = (policy_hash IS NULL));

CREATE TRIGGER runs_keep_their_policy
    BEFORE UPDATE OF policy_name, policy_hash
    ON chancery.runs FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

-- What an intake or a gateway says of the arrivals of a call that were judged. Without a policy all of it is null or empty.
CREATE TYPE chancery.judgement AS (
    -- The version that judged them.
    policy    bytea,
    -- From which of their places on the instants hold, in microseconds since 1970, by which they were judged.
    starts    bigint[],
    instants  bigint[],
    -- For each arrival that is refused, the rule that refused it; null where that was no rule.
    rules     text[],
    -- For each payload, what it was before it was enriched; null where it is as it came. Empty where all are.
    originals bytea[],
    -- Places of the payloads that a rule flagged or alerted of, and what was said of each, as JSON: flagged, score, hits.
    marked    bigint[],
    marks     text[],
    -- How many expressions failed that were to be ignored.
    ignored   bigint
);

-- Counts of what was refused by a rule, and of the records that have a mark.
ALTER TABLE chancery.intakes
    ADD COLUMN rejected bigint NOT NULL DEFAULT 0 CHECK (rejected >= 0),
    ADD COLUMN flagged  bigint NOT NULL DEFAULT 0 CHECK (flagged >= 0),
    ADD COLUMN alerts   bigint NOT NULL DEFAULT 0 CHECK (alerts >= 0),
    -- At the least: of a call that fills the run, those that were behind its last record count too.
    ADD COLUMN ignored  bigint NOT NULL DEFAULT 0 CHECK (ignored >= 0),
    DROP CONSTRAINT intakes_check,
    ADD CONSTRAINT intakes_check CHECK (received = admitted + duplicates + dead + rejected);

ALTER TABLE chancery.splits
    ADD COLUMN rejected bigint NOT NULL DEFAULT 0 CHECK (rejected >= 0),
    DROP CONSTRAINT splits_check2,
    ADD CONSTRAINT splits_check2 CHECK (received = admitted + duplicates + dead + rejected);

DROP TRIGGER splits_are_done_once ON chancery.splits;
CREATE TRIGGER splits_are_done_once
    BEFORE UPDATE OF position, position_key, done_at, received, admitted, duplicates, dead, rejected
    ON chancery.splits FOR EACH ROW WHEN (OLD.done_at IS NOT NULL) EXECUTE FUNCTION chancery.refuse_change();

-- What a rule refused: the rule, its message as the reason, the SHA-256 of the payload, which stays, and its bytes, which are swept as
-- those of dead letters are. The new state is not named here: it may not be used before this is committed.
ALTER TABLE chancery.arrivals
    ADD COLUMN rule text CHECK (octet_length(rule) <= 253),
    DROP CONSTRAINT arrivals_check,
    ADD CONSTRAINT arrivals_check CHECK ((state <> 'Dead') = (digest IS NOT NULL)),
    DROP CONSTRAINT arrivals_check5,
    ADD CONSTRAINT arrivals_check5 CHECK ((state = 'Duplicate') = (reason IS NULL)),
    DROP CONSTRAINT arrivals_check6,
    ADD CONSTRAINT arrivals_check6 CHECK ((state <> 'Duplicate' AND swept_at IS NULL) = (raw IS NOT NULL)),
    ADD CONSTRAINT arrivals_check7 CHECK ((state NOT IN ('Duplicate', 'Dead') OR coalesce(stage = 'Policy', false)) = (rule IS NOT NULL));

DROP TRIGGER arrivals_never_change ON chancery.arrivals;
CREATE TRIGGER arrivals_never_change
    BEFORE UPDATE OF source, split, position, run_id, state, digest, identity, duplicate_run, duplicate_record, stage, rule, reason, arrived_at
        OR DELETE
    ON chancery.arrivals FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

-- Beside the records of a run that has a policy, a table each per run.

-- Records that a rule flagged, or their score did: the rules that hit, in the order of the policy.
CREATE TABLE chancery.flags (
    record bigint NOT NULL,
    run_id integer NOT NULL,
    score  bigint NOT NULL,
    hits   jsonb NOT NULL CHECK (jsonb_typeof(hits) = 'array'),
    PRIMARY KEY (record, run_id)
) PARTITION BY LIST (run_id);

-- Alerts about records, for whoever tells somebody of them.
CREATE TABLE chancery.alerts (
    record    bigint NOT NULL,
    rule      text NOT NULL CHECK (octet_length(rule) <= 253),
    run_id    integer NOT NULL,
    message   text NOT NULL CHECK (octet_length(message) <= 4096),
    raised_at timestamptz NOT NULL,
    PRIMARY KEY (record, rule, run_id)
) PARTITION BY LIST (run_id);

-- What the payload of a record was before it was enriched.
CREATE TABLE chancery.originals (
    record  bigint NOT NULL,
    run_id  integer NOT NULL,
    payload bytea NOT NULL CHECK (octet_length(payload) <= 1048576),
    PRIMARY KEY (record, run_id)
) PARTITION BY LIST (run_id);

-- By which instant the arrivals from a position on were judged, up to where the next row begins.
CREATE TABLE chancery.judgements (
    source    integer NOT NULL,
    split     integer NOT NULL,
    position  bigint NOT NULL,
    run_id    integer NOT NULL,
    judged_at timestamptz NOT NULL,
    PRIMARY KEY (source, split, position, run_id)
) PARTITION BY LIST (run_id);

CREATE TRIGGER flags_never_change
    BEFORE UPDATE OR DELETE ON chancery.flags FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER alerts_never_change
    BEFORE UPDATE OR DELETE ON chancery.alerts FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER originals_never_change
    BEFORE UPDATE OR DELETE ON chancery.originals FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER judgements_never_change
    BEFORE UPDATE OR DELETE ON chancery.judgements FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
