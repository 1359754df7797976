-- What makes a ledger, a run and a lease recognisable in the world, and not only among numbers of one database:
-- a signer may come back to a database that was made anew, restored or put in another's place, and has to see that
-- what it holds was not granted there.

CREATE TABLE chancery.ledger (
    uid        uuid NOT NULL DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now(),
    is_only    boolean PRIMARY KEY DEFAULT true CHECK (is_only)
);
INSERT INTO chancery.ledger DEFAULT VALUES;

CREATE TRIGGER ledger_never_changes
    BEFORE UPDATE OR DELETE ON chancery.ledger
    FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

-- A run that is deleted and made anew under its name has another one.
ALTER TABLE chancery.runs ADD COLUMN uid uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE;

DROP TRIGGER runs_keep_their_shape ON chancery.runs;
CREATE TRIGGER runs_keep_their_shape
    BEFORE UPDATE OF uid, namespace, name, keyring_id, batch_size
    ON chancery.runs FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

ALTER TABLE chancery.leases
    -- SHA-256 of the token that only the holder knows. Null once the lease is over: nothing can be done with it.
    ADD COLUMN token_hash bytea CHECK (octet_length(token_hash) = 32),
    -- The longest duration that the lease was granted or renewed for: its holder may count on no more than that from
    -- its last renewal on.
    ADD COLUMN duration interval,
    -- When a turn first saw that half of that duration had passed since the last renewal.
    ADD COLUMN doubted_at timestamptz,
    -- expires_at is by the server's clock; acquired_at is by the ring's order, which is ahead of a clock that was set back.
    DROP CONSTRAINT leases_check,
    ADD CHECK (outcome IS NULL OR token_hash IS NULL);
UPDATE chancery.leases
   SET duration = greatest(expires_at - acquired_at, interval '1 microsecond'),
       -- The clock alone ended a lease until now.
       doubted_at = CASE WHEN outcome = 'expired' THEN acquired_at END;
ALTER TABLE chancery.leases
    ALTER COLUMN duration SET NOT NULL,
    ADD CHECK (duration > interval '0');
