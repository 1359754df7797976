-- What becomes of dead letters once somebody has looked at them: they are taken up again, or discarded, and it is written down who
-- did that and when. docs/decisions/0074-a-dead-letter-is-taken-up-where-it-lies.md.

SET LOCAL statement_timeout = 0;

CREATE TYPE chancery.letter_act AS ENUM ('Redrive', 'Discard');
-- Taken up by its own run, a letter is judged anew, and may be dead again. Moved: another run reads it. Discarded: nobody does.
CREATE TYPE chancery.letter_end AS ENUM ('Admitted', 'Duplicate', 'Rejected', 'Dead', 'Moved', 'Discarded');

-- What somebody did with dead letters of a run: 1, 2, 3 and so on.
CREATE TABLE chancery.letter_acts (
    run_id    integer NOT NULL REFERENCES chancery.runs ON DELETE CASCADE,
    act       integer NOT NULL CHECK (act >= 1),
    kind      chancery.letter_act NOT NULL,
    -- The run that reads them, of the same namespace; null where the run itself takes them up, or nobody.
    into_name text CHECK (octet_length(into_name) <= 253),
    -- How many; it grows for as long as the run takes them up, a call after the other.
    letters   bigint NOT NULL CHECK (letters >= 1),
    -- Which were meant, in the words of whoever asked. Empty: all that there were.
    selection text NOT NULL CHECK (octet_length(selection) <= 4096),
    -- Who, as the program says that asked, and as the server knows it.
    actor     text NOT NULL CHECK (octet_length(actor) BETWEEN 1 AND 1024),
    login     text NOT NULL DEFAULT session_user,
    acted_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, act),
    CHECK (kind = 'Redrive' OR into_name IS NULL)
);

CREATE TRIGGER letter_acts_never_change
    BEFORE UPDATE OF run_id, act, kind, into_name, selection, actor, login, acted_at
    ON chancery.letter_acts FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER letter_acts_only_grow
    BEFORE UPDATE OF letters
    ON chancery.letter_acts FOR EACH ROW WHEN (NEW.letters < OLD.letters) EXECUTE FUNCTION chancery.refuse_change();

-- A letter that was taken up, moved or discarded, and what was said of it before. While it lay dead it was an arrival; it is still one
-- of the same place, whatever became of it: nothing arrives twice.
CREATE TABLE chancery.letter_moves (
    run_id     integer NOT NULL,
    source     integer NOT NULL,
    split      integer NOT NULL,
    position   bigint NOT NULL,
    -- 1 for the first time, and so on, for as long as it is dead again.
    attempt    integer NOT NULL CHECK (attempt >= 1),
    act        integer NOT NULL,
    -- Null only within the transaction that takes it up.
    became     chancery.letter_end,
    stage      text NOT NULL CHECK (octet_length(stage) <= 64),
    rule       text CHECK (octet_length(rule) <= 253),
    reason     text NOT NULL CHECK (octet_length(reason) <= 4096),
    -- By which instant it was judged anew, if its run has a policy.
    judged_at  timestamptz,
    PRIMARY KEY (run_id, source, split, position, attempt),
    FOREIGN KEY (run_id, act) REFERENCES chancery.letter_acts ON DELETE CASCADE,
    CHECK (became IS NULL OR became NOT IN ('Moved', 'Discarded') OR judged_at IS NULL)
);
CREATE INDEX letter_moves_of_acts ON chancery.letter_moves (run_id, act);
-- Whatever is not dead again has an end, and only one.
CREATE UNIQUE INDEX letter_moves_end ON chancery.letter_moves (run_id, source, split, position) WHERE became <> 'Dead';

CREATE TRIGGER letter_moves_never_change
    BEFORE UPDATE OF run_id, source, split, position, attempt, act, stage, rule, reason, judged_at
    ON chancery.letter_moves FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER letter_moves_end_once
    BEFORE UPDATE OF became
    ON chancery.letter_moves FOR EACH ROW WHEN (OLD.became IS NOT NULL OR NEW.became IS NULL) EXECUTE FUNCTION chancery.refuse_change();

-- A dead letter leaves its place only while it is taken up.
CREATE FUNCTION chancery.refuse_lost_letter() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.state = 'Dead' AND EXISTS (
           SELECT FROM chancery.letter_moves m
            WHERE m.run_id = OLD.run_id AND m.source = OLD.source AND m.split = OLD.split AND m.position = OLD.position
              AND m.became IS NULL) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'an arrival of %.% stays what it is', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

DROP TRIGGER arrivals_never_change ON chancery.arrivals;
CREATE TRIGGER arrivals_never_change
    BEFORE UPDATE OF source, split, position, run_id, state, digest, identity, duplicate_run, duplicate_record, stage, rule, reason, arrived_at
    ON chancery.arrivals FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER arrivals_are_not_lost
    BEFORE DELETE ON chancery.arrivals FOR EACH ROW EXECUTE FUNCTION chancery.refuse_lost_letter();

-- Of a split that is read to its end, dead letters may still become something else, and nothing is received any more.
DROP TRIGGER splits_are_done_once ON chancery.splits;
CREATE TRIGGER splits_are_done_once
    BEFORE UPDATE OF position, position_key, done_at, received
    ON chancery.splits FOR EACH ROW WHEN (OLD.done_at IS NOT NULL) EXECUTE FUNCTION chancery.refuse_change();
CREATE TRIGGER splits_take_up_letters_alone
    BEFORE UPDATE OF admitted, duplicates, dead, rejected
    ON chancery.splits FOR EACH ROW
    WHEN (OLD.done_at IS NOT NULL AND (NEW.admitted < OLD.admitted OR NEW.duplicates < OLD.duplicates OR NEW.rejected < OLD.rejected))
    EXECUTE FUNCTION chancery.refuse_change();

-- What a record is signed as, beside what it was before it was enriched: it is found by either.
ALTER TABLE chancery.originals ADD COLUMN digest bytea CHECK (octet_length(digest) = 32);
DROP TRIGGER originals_never_change ON chancery.originals;
UPDATE chancery.originals o SET digest = r.digest FROM chancery.records r WHERE r.run_id = o.run_id AND r.record = o.record;
CREATE TRIGGER originals_never_change
    BEFORE UPDATE OR DELETE ON chancery.originals FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
CREATE INDEX originals_digest ON chancery.originals (digest);
