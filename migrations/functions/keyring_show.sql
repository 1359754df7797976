-- What a gateway may know of the keyring of a name: see run_show.
CREATE OR REPLACE FUNCTION chancery.keyring_show(p_namespace text, p_name text)
RETURNS TABLE (
    keyring_id integer, keyring_uid uuid, algorithm text, key_size integer, key_count integer, provider text, envelope text,
    content_type text, filled boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT k.id, k.uid, k.algorithm::text, k.key_size, k.key_count, k.provider::text, k.envelope::text, k.content_type, k.filled_at IS NOT NULL
      FROM chancery.keyrings k WHERE k.namespace = p_namespace AND k.name = p_name;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.keyring_show(text, text) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.keyring_show(text, text) TO chancery_gateway;
