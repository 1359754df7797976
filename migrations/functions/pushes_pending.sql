-- How many records of a run are admitted and not signed, with what waits and may become one.
CREATE OR REPLACE FUNCTION chancery.pushes_pending(p_run integer) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT a.records - s.records + coalesce((SELECT i.pending FROM chancery.intakes i WHERE i.run_id = p_run), 0)
      FROM chancery.admissions a CROSS JOIN LATERAL chancery.run_signed(a.run_id) s
     WHERE a.run_id = p_run;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.pushes_pending(integer) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.pushes_pending(integer) TO chancery_gateway;
