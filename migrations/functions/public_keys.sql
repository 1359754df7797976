-- The public keys of a keyring, in the order of their numbers.
CREATE OR REPLACE FUNCTION chancery.public_keys(p_keyring integer) RETURNS TABLE (id uuid, public_key bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT k.id, m.public_key FROM chancery.keys k JOIN chancery.key_material m ON m.key_id = k.id
     WHERE k.keyring_id = p_keyring ORDER BY k.number;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.public_keys(integer) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.public_keys(integer) TO chancery_gateway;
