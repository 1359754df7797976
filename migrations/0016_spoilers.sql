-- What somebody could fill or spoil with a login that was stolen. Programs of the former version write to tables that are written
-- by functions now, and are refused.

SET LOCAL statement_timeout = 0;

-- The tables of runs to which programs push, as run_create makes them: no block of signatures is empty. What is there already
-- is not looked at: an audit does that, and a ledger is not to be kept from its next version by it.
DO $$
DECLARE
    v_run integer;
BEGIN
    FOR v_run IN
        SELECT r.id FROM chancery.runs r
         WHERE r.deleted_at IS NULL
           AND EXISTS (SELECT FROM chancery.sources s WHERE s.run_id = r.id AND s.description ? 'http')
         ORDER BY r.id
    LOOP
        EXECUTE format('ALTER TABLE chancery.%I ADD CHECK (first_record <= last_record) NOT VALID', 'signature_blocks_' || v_run);
    END LOOP;
END
$$;

-- Bytes that the splits of a source take, about: their parts, and 250 for each beside.
ALTER TABLE chancery.sources ADD COLUMN listed_bytes bigint NOT NULL DEFAULT 0 CHECK (listed_bytes >= 0);
UPDATE chancery.sources s
   SET listed_bytes = (SELECT coalesce(sum(octet_length(t.part::text) + 250), 0) FROM chancery.splits t
                        WHERE t.run_id = s.run_id AND t.source = s.source);
