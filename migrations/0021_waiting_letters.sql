-- What is pushed may wait for what others say of it, as may dead letters that are taken up again. docs/internals/asking.md says how it is
-- kept that each is judged once, that none is lost meanwhile, and that it can be judged again.

SET LOCAL statement_timeout = 0;

-- Whether whoever judges by it asks others: then the run needs an intake, also if nothing is read for it.
ALTER TABLE chancery.policies ADD COLUMN asks boolean NOT NULL DEFAULT false;
DROP TRIGGER policies_never_change ON chancery.policies;
-- As chancery.policy_asks says.
UPDATE chancery.policies p SET asks = true
  FROM (SELECT o.hash, replace(o.text, '\u0000', '\u0001')::json AS json FROM chancery.policies o) t
 WHERE t.hash = p.hash
   AND (json_array_length(coalesce(t.json #> '{spec,webhooks}', '[]')) > 0
        OR EXISTS (SELECT FROM json_array_elements(coalesce(t.json #> '{spec,lookups}', '[]')) l WHERE l -> 'query' IS NOT NULL));
CREATE TRIGGER policies_never_change
    BEFORE UPDATE ON chancery.policies FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

-- A dead letter that is taken up again waits like another arrival, under the attempt of its letter_moves; 0 is an arrival that came. What
-- was answered before stays beside what is answered then.
ALTER TABLE chancery.pendings ADD COLUMN letter integer NOT NULL DEFAULT 0 CHECK (letter >= 0);
DROP TRIGGER pendings_keep_their_shape ON chancery.pendings;
CREATE TRIGGER pendings_keep_their_shape
    BEFORE UPDATE OF source, split, position, run_id, payload, name, arrived_at, letter
    ON chancery.pendings FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

ALTER TABLE chancery.answers
    ADD COLUMN letter integer NOT NULL DEFAULT 0 CHECK (letter >= 0),
    -- Of what became a record, its number: what was pushed is answered by it, whenever that is asked for.
    ADD COLUMN record bigint CHECK (record >= 1),
    DROP CONSTRAINT answers_pkey,
    ADD PRIMARY KEY (source, split, position, run_id, letter);

-- A letter that waits has become nothing yet, and is taken up by nobody else meanwhile.
CREATE UNIQUE INDEX letter_moves_open ON chancery.letter_moves (run_id, source, split, position) WHERE became IS NULL;

-- Of a split that is read to its end, dead letters may begin to wait again. Nothing is received any more, so others cannot.
DROP TRIGGER splits_settle_what_is_left ON chancery.splits;
CREATE TRIGGER splits_settle_what_is_left
    BEFORE UPDATE OF admitted, duplicates, dead, rejected, pending
    ON chancery.splits FOR EACH ROW
    WHEN (OLD.done_at IS NOT NULL AND (NEW.admitted < OLD.admitted OR NEW.duplicates < OLD.duplicates OR NEW.rejected < OLD.rejected))
    EXECUTE FUNCTION chancery.refuse_change();
