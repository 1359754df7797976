-- Signatures are stored a batch at a time: one row for each batch, or for each part that a slow connection carries, with the
-- signatures of consecutive records end to end. `signatures` is a view with a row for each record. Programs of the former
-- version write and read rows, and are refused.

-- A ledger of millions of signatures is rewritten here, once.
SET LOCAL statement_timeout = 0;

CREATE TABLE chancery.signature_blocks (
    first_record bigint NOT NULL CHECK (first_record >= 1),
    last_record  bigint NOT NULL,
    -- The lease under which they were made and stored.
    lease_id     bigint NOT NULL,
    run_id       integer NOT NULL,
    signatures   bytea NOT NULL,
    CHECK (first_record <= last_record)
) PARTITION BY LIST (run_id);
-- Signatures do not compress, and a part of a value that is stored as it is can be read by itself.
ALTER TABLE chancery.signature_blocks ALTER COLUMN signatures SET STORAGE EXTERNAL;

CREATE TRIGGER signature_blocks_never_change
    BEFORE UPDATE OR DELETE ON chancery.signature_blocks
    FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

-- The tables of runs, as run_create makes them: no record is in two blocks, and each has a signature of the length that the
-- ring gives.
DO $$
DECLARE
    v_run record;
    v_block bigint;
    v_hole bigint;
BEGIN
    FOR v_run IN
        SELECT r.id, CASE WHEN k.algorithm IN ('RS256', 'PS256') THEN k.key_size / 8 ELSE 64 END AS bytes
          FROM chancery.runs r JOIN chancery.keyrings k ON k.id = r.keyring_id
         WHERE r.deleted_at IS NULL
         ORDER BY r.id
    LOOP
        EXECUTE format(
            'CREATE TABLE chancery.%I (LIKE chancery.signature_blocks INCLUDING ALL,
                 CHECK (octet_length(signatures) = (last_record - first_record + 1) * %s),
                 EXCLUDE USING gist ((CASE WHEN first_record <= last_record AND last_record < 9223372036854775807
                                           THEN int8range(first_record, last_record, ''[]'') END) WITH &&))
             WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false)', 'signature_blocks_' || v_run.id, v_run.bytes);
        EXECUTE format('ALTER TABLE chancery.signature_blocks ATTACH PARTITION chancery.%I FOR VALUES IN (%s)',
                       'signature_blocks_' || v_run.id, v_run.id);
        -- Of no more bytes than a signer stores at once.
        v_block := 4194304 / v_run.bytes;
        EXECUTE format(
            'SELECT s.lease_id FROM chancery.%I s GROUP BY s.lease_id
             HAVING count(*) <> max(s.record) - min(s.record) + 1 LIMIT 1', 'signatures_' || v_run.id)
           INTO v_hole;
        IF v_hole IS NOT NULL THEN
            RAISE EXCEPTION 'run %: signatures of lease % are missing. Nothing is changed: audit the run with the version before',
                v_run.id, v_hole USING ERRCODE = 'data_exception';
        END IF;
        EXECUTE format(
            'INSERT INTO chancery.signature_blocks (first_record, last_record, lease_id, run_id, signatures)
             SELECT min(s.record), max(s.record), s.lease_id, %s, string_agg(s.signature, ''''::bytea ORDER BY s.record)
               FROM chancery.%I s GROUP BY s.lease_id, (s.record - 1) / $1', v_run.id, 'signatures_' || v_run.id)
          USING v_block;
    END LOOP;
END
$$;

DROP TABLE chancery.signatures;
-- What deletions that are under way have taken out of it.
DO $$
DECLARE
    v_table regclass;
BEGIN
    FOR v_table IN
        SELECT c.oid FROM pg_class c
         WHERE c.relnamespace = 'chancery'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^signatures_[0-9]+$'
    LOOP
        EXECUTE format('DROP TABLE %s', v_table);
    END LOOP;
END
$$;

-- Each byte of a block is in some signature, whatever its length: the last has all that is left.
CREATE VIEW chancery.signatures AS
SELECT r.record, b.lease_id, b.run_id,
       CASE WHEN r.record < b.last_record
            THEN substring(b.signatures FROM ((r.record - b.first_record) * b.bytes + 1)::integer FOR b.bytes::integer)
            ELSE substring(b.signatures FROM ((r.record - b.first_record) * b.bytes + 1)::integer) END AS signature
  FROM (SELECT c.first_record, c.last_record, c.lease_id, c.run_id, c.signatures,
               octet_length(c.signatures) / nullif(c.last_record - c.first_record + 1, 0) AS bytes
          FROM chancery.signature_blocks c) b
 CROSS JOIN LATERAL generate_series(b.first_record, b.last_record) AS r (record);
