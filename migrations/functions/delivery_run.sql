-- What a delivery needs to know of the run whose batches it brings to sinks; nothing when its login is not this run's.
CREATE OR REPLACE FUNCTION chancery.delivery_run(
    p_namespace text, p_name text,
    OUT id integer, OUT uid uuid, OUT ledger_uid uuid, OUT namespace text, OUT name text, OUT deleted boolean,
    OUT algorithm text, OUT envelope text, OUT content_type text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT ROWS 1 SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT r.id, r.uid, (SELECT l.uid FROM chancery.ledger l), r.namespace, r.name, r.deleted_at IS NOT NULL,
           k.algorithm::text, k.envelope::text, k.content_type
      FROM chancery.runs r JOIN chancery.keyrings k ON k.id = r.keyring_id
     WHERE r.id = chancery.delivery_of_session() AND r.namespace = p_namespace AND r.name = p_name;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.delivery_run(text, text) TO chancery_delivery;
