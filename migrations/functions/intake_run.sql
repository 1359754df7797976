-- What an intake needs to know of the run that it admits records to; nothing when its login is not this run's.
CREATE OR REPLACE FUNCTION chancery.intake_run(
    p_namespace text, p_name text,
    OUT id integer, OUT uid uuid, OUT ledger_uid uuid, OUT namespace text, OUT name text, OUT deleted boolean,
    OUT expression text, OUT pushed boolean)
RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT ROWS 1 SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT r.id, r.uid, (SELECT l.uid FROM chancery.ledger l), r.namespace, r.name, r.deleted_at IS NOT NULL,
           (SELECT i.expression FROM chancery.intakes i WHERE i.run_id = r.id),
           EXISTS (SELECT FROM chancery.sources s WHERE s.run_id = r.id AND s.description ? 'http')
      FROM chancery.runs r
     WHERE r.id = chancery.intake_of_session() AND r.namespace = p_namespace AND r.name = p_name;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.intake_run(text, text) TO chancery_intake;
