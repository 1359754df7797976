-- What a ring knows a payload by whose run names it by an expression: p_identity is the value of that, as canonical JSON.
--
-- The first half of a SHA-512, and not a SHA-256: payloads are known by that, and whoever writes a payload could write one whose
-- SHA-256 is any text's.
CREATE OR REPLACE FUNCTION chancery.identity_digest(p_identity bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT substring(sha512('chancery identity'::bytea || '\x00'::bytea || p_identity) FROM 1 FOR 32)
$$;
