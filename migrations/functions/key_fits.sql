-- Whether a key can be one of a ring, by the lengths of its public part and of its wrapped private part.
--
-- * An RSA key is a modulus and 38 bytes of SubjectPublicKeyInfo (RFC 5280) in public; in private, numbers of 4.5 times the
--   modulus' length (RFC 8017), each perhaps a byte shorter, with their headers and those of the wrapping.
-- * The others are always of one length. Of ML-DSA the private part is the seed (RFC 9881).
CREATE OR REPLACE FUNCTION chancery.key_fits(
    p_algorithm chancery.algorithm, p_key_size integer, p_public_key bytea, p_wrapped_key bytea)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_algorithm
        WHEN 'ES256' THEN octet_length(p_public_key) = 91 AND octet_length(p_wrapped_key) = 167
        WHEN 'ES384' THEN octet_length(p_public_key) = 120 AND octet_length(p_wrapped_key) = 214
        WHEN 'ES256K' THEN octet_length(p_public_key) = 88 AND octet_length(p_wrapped_key) = 164
        WHEN 'ML-DSA-44' THEN octet_length(p_public_key) = 1334 AND octet_length(p_wrapped_key) = 83
        WHEN 'ML-DSA-65' THEN octet_length(p_public_key) = 1974 AND octet_length(p_wrapped_key) = 83
        WHEN 'ML-DSA-87' THEN octet_length(p_public_key) = 2614 AND octet_length(p_wrapped_key) = 83
        WHEN 'EdDSA' THEN octet_length(p_public_key) = 44 AND octet_length(p_wrapped_key) = 77
        ELSE octet_length(p_public_key) = p_key_size / 8 + 38
             AND octet_length(p_wrapped_key) BETWEEN p_key_size * 9 / 16 AND p_key_size * 9 / 16 + 160
    END
$$;
