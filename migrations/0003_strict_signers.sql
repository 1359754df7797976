-- What signers are kept to by the ledger itself, whoever has their login.

ALTER TABLE chancery.leases
    -- Where a batch is stored in several parts: the last record of those stored so far, in the transaction that
    -- stores them. Seen by others only together with the outcome.
    ADD COLUMN stored_to bigint,
    -- A pod's name and uid fit in three times.
    ADD CHECK (octet_length(holder) <= 1024);

-- Runs with the rights of the owner: signers may not read leases.
CREATE FUNCTION chancery.refuse_part_of_a_batch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM chancery.leases l WHERE l.id = NEW.id AND l.outcome IS DISTINCT FROM 'signed') THEN
        RAISE EXCEPTION 'lease % does not cover its batch: it is stored to record % only', NEW.id, NEW.stored_to
            USING ERRCODE = 'CH002';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER leases_are_stored_whole
    AFTER UPDATE OF stored_to ON chancery.leases DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.stored_to IS NOT NULL) EXECUTE FUNCTION chancery.refuse_part_of_a_batch();

-- run_create gives this to the tables of new runs.
DO $$
DECLARE
    v_run record;
BEGIN
    FOR v_run IN
        SELECT r.id, CASE WHEN k.algorithm IN ('RS256', 'PS256') THEN k.key_size / 8 ELSE 64 END AS bytes
          FROM chancery.runs r JOIN chancery.keyrings k ON k.id = r.keyring_id
         WHERE r.deleted_at IS NULL
    LOOP
        EXECUTE format('ALTER TABLE chancery.%I ADD CHECK (octet_length(signature) = %s)',
                       'signatures_' || v_run.id, v_run.bytes);
    END LOOP;
END
$$;
