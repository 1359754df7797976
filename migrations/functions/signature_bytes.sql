-- Bytes of every signature of a ring: as long as the modulus of an RSA key (RFC 8017); of ECDSA and EdDSA two numbers, as long as those
-- of the curve, and of an Ethereum message one byte more, which says what key it was; of ML-DSA what FIPS 204 has.
CREATE OR REPLACE FUNCTION chancery.signature_bytes(p_algorithm chancery.algorithm, p_key_size integer, p_envelope chancery.envelope)
RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_algorithm
        WHEN 'RS256' THEN p_key_size / 8
        WHEN 'PS256' THEN p_key_size / 8
        WHEN 'ES384' THEN 96
        WHEN 'ML-DSA-44' THEN 2420
        WHEN 'ML-DSA-65' THEN 3309
        WHEN 'ML-DSA-87' THEN 4627
        ELSE CASE WHEN p_envelope = 'EIP191' THEN 65 ELSE 64 END
    END
$$;

GRANT EXECUTE ON FUNCTION chancery.signature_bytes(chancery.algorithm, integer, chancery.envelope) TO chancery_operator;
