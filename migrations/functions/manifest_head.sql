-- What is said in the manifest of a sink beside its objects: how many records and batches the run has, how many batches the sink has and
-- how many were given up; the public keys of the run's ring that have signed a record of it, in the order of their numbers; and its
-- statements, if they are to be in it. Nothing to whoever has not been given it by delivery_take.
CREATE OR REPLACE FUNCTION chancery.manifest_head(p_sink integer, p_token bytea)
RETURNS TABLE (
    records bigint, batches bigint, delivered bigint, dead bigint, public_keys bytea[], key_ids text[], bodies bytea[], signatures bytea[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
BEGIN
    RETURN QUERY
    SELECT a.records, a.batches, s.delivered, s.dead,
           ARRAY(SELECT k.public_key FROM chancery.run_signing_keys(v_run) k ORDER BY k.number),
           ARRAY(SELECT t.key_id FROM chancery.statements t WHERE t.run_uid = r.uid AND m.stated ORDER BY t.number),
           ARRAY(SELECT t.body FROM chancery.statements t WHERE t.run_uid = r.uid AND m.stated ORDER BY t.number),
           ARRAY(SELECT t.signature FROM chancery.statements t WHERE t.run_uid = r.uid AND m.stated ORDER BY t.number)
      FROM chancery.manifests m
      JOIN chancery.sinks s ON s.run_id = m.run_id AND s.sink = m.sink
      JOIN chancery.runs r ON r.id = m.run_id
      JOIN chancery.admissions a ON a.run_id = m.run_id
     WHERE m.run_id = v_run AND m.sink = p_sink AND m.token_hash = sha256(p_token);
END
$$;

GRANT EXECUTE ON FUNCTION chancery.manifest_head(integer, bytea) TO chancery_delivery;
