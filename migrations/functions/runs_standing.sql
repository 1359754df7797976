-- How far runs are, for whoever watches them: less than run_progress, and nothing that only an operator may read. Of runs that are
-- gone, or being deleted, nothing.
CREATE OR REPLACE FUNCTION chancery.runs_standing(p_runs integer[])
RETURNS TABLE (
    id integer, received bigint, admitted bigint, duplicates bigint, dead bigint, rejected bigint, signed bigint,
    suspended boolean, sealed boolean, complete boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT r.id,
           coalesce(i.received, a.records),
           a.records,
           coalesce(i.duplicates, 0),
           coalesce(i.dead, 0),
           coalesce(i.rejected, 0),
           CASE WHEN r.completed_at IS NULL THEN done.records ELSE a.batched END,
           r.suspended OR r.too_many_dead,
           r.sealed_at IS NOT NULL,
           r.completed_at IS NOT NULL
      FROM chancery.runs r
      JOIN chancery.admissions a ON a.run_id = r.id
      LEFT JOIN chancery.intakes i ON i.run_id = r.id
     CROSS JOIN LATERAL chancery.run_signed(CASE WHEN r.completed_at IS NULL THEN r.id END) done
     WHERE r.id = ANY (p_runs) AND r.deleted_at IS NULL
     ORDER BY r.id;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.runs_standing(integer[]) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.runs_standing(integer[]) TO chancery_gateway;
