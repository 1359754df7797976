-- Bytes of every signature of a ring: as long as the modulus of an RSA key (RFC 8017), else two numbers of 32 bytes.
CREATE OR REPLACE FUNCTION chancery.signature_bytes(p_algorithm chancery.algorithm, p_key_size integer)
RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_algorithm IN ('RS256', 'PS256') THEN p_key_size / 8 ELSE 64 END
$$;

GRANT EXECUTE ON FUNCTION chancery.signature_bytes(chancery.algorithm, integer) TO chancery_operator;
