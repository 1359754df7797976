-- What a signer needs to know of the run it signs; nothing when its login is not this run's. Signers read neither runs
-- nor keyrings.
CREATE OR REPLACE FUNCTION chancery.signer_run(
    p_namespace text, p_name text,
    OUT id integer, OUT uid uuid, OUT ledger_uid uuid, OUT namespace text, OUT name text,
    OUT keyring_uid uuid, OUT algorithm text, OUT key_size integer, OUT envelope text, OUT content_type text, OUT filled boolean, OUT data_key_fingerprint text,
    OUT deleted boolean)
RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT ROWS 1 SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
BEGIN
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = chancery.run_of_session();
    IF v_run.namespace = p_namespace AND v_run.name = p_name THEN
        RETURN QUERY
        SELECT v_run.id, v_run.uid, (SELECT l.uid FROM chancery.ledger l), v_run.namespace, v_run.name,
               k.uid, k.algorithm::text, k.key_size, k.envelope::text, k.content_type, k.filled_at IS NOT NULL, k.data_key_fingerprint,
               v_run.deleted_at IS NOT NULL
          FROM chancery.keyrings k WHERE k.id = v_run.keyring_id;
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.signer_run(text, text) TO chancery_signer;
