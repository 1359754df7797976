-- Appends a statement to the chain of the ledger. False, with nothing done, when it would not follow the last one (p_number is
-- one more than that, p_previous its hash), when there is one of its kind about its run already, or when nothing of that kind
-- can be stated of the run: it is gone, its records or its keys are not all there yet, or, for its signatures, a batch is not
-- signed or its sealing is not stated.
--
-- Whether the signature is that of a key that somebody trusts, the ledger cannot tell, and does not: whoever verifies does.
--
-- Of two that are made after the same statement, one is kept. The run's row is held, so that none is made of a run that is
-- being removed.
CREATE OR REPLACE FUNCTION chancery.statement_append(
    p_number bigint, p_previous bytea, p_run_uid uuid, p_kind chancery.statement_kind, p_key_id text, p_body bytea,
    p_signature bytea)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run record;
BEGIN
    -- The id of a key is the SHA-256 of it, and Ed25519 signs with 64 bytes. What is stated has a few hundred, and names of sources.
    IF (p_key_id ~ '^[0-9a-f]{64}$' AND octet_length(p_body) BETWEEN 1 AND 65536 AND octet_length(p_signature) = 64) IS NOT TRUE THEN
        RAISE EXCEPTION 'a statement has at most 65536 bytes, a signature of 64, and a key' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT r.id, a.batches INTO v_run
      FROM chancery.runs r
      JOIN chancery.admissions a ON a.run_id = r.id
      JOIN chancery.keyrings k ON k.id = r.keyring_id
     WHERE r.uid = p_run_uid AND r.deleted_at IS NULL AND r.sealed_at IS NOT NULL AND k.filled_at IS NOT NULL
       FOR KEY SHARE OF r;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF p_kind = 'Signed'
       AND ((chancery.run_signed(v_run.id)).batches < v_run.batches
            OR NOT EXISTS (SELECT FROM chancery.statements s WHERE s.run_uid = p_run_uid AND s.kind = 'Sealed')) THEN
        RETURN false;
    END IF;
    INSERT INTO chancery.statements (number, hash, previous, run_uid, kind, key_id, body, signature)
    SELECT p_number, sha256(p_body), p_previous, p_run_uid, p_kind, p_key_id, p_body, p_signature
     WHERE p_number = (SELECT coalesce(max(s.number), 0) + 1 FROM chancery.statements s)
       AND p_previous IS NOT DISTINCT FROM (SELECT s.hash FROM chancery.statements s ORDER BY s.number DESC LIMIT 1)
        ON CONFLICT DO NOTHING;
    RETURN FOUND;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.statement_append(bigint, bytea, uuid, chancery.statement_kind, text, bytea, bytea) TO chancery_operator;
