-- What the payloads of a call are known by, which never changes for a run: their digests, or null in a run that looks for no
-- duplicates; and identities beside those in a run that names payloads by an expression, p_identities being its values. A payload
-- that was enriched is known by what it was before, one of p_originals: its identity is the SHA-256 of that. See admit.
CREATE OR REPLACE FUNCTION chancery.admit_digests(
    p_run integer, p_payloads bytea[], p_identities bytea[], p_originals bytea[], OUT digests bytea[], OUT identities bytea[])
LANGUAGE plpgsql AS $$
DECLARE
    v_by chancery.idempotency;
BEGIN
    SELECT i.idempotency INTO v_by FROM chancery.intakes i WHERE i.run_id = p_run;
    IF cardinality(p_identities) <> (CASE v_by WHEN 'Expression' THEN cardinality(p_payloads) ELSE 0 END) THEN
        RAISE EXCEPTION 'each payload needs an identity in a run that names payloads by an expression, and none in another'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_by <> 'None' THEN
        digests := ARRAY (SELECT sha256(unnest(p_payloads)));
    END IF;
    IF v_by = 'Expression' THEN
        identities := ARRAY (SELECT chancery.identity_digest(p.identity) FROM unnest(p_identities) AS p (identity));
    ELSIF v_by = 'Content' AND cardinality(p_originals) > 0 THEN
        identities := ARRAY (SELECT sha256(coalesce(p.original, p.payload)) FROM unnest(p_originals, p_payloads) AS p (original, payload));
    END IF;
END
$$;
