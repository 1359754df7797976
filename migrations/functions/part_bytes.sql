-- Bytes that a table of one run has by now, with what of its rows is stored apart; 0 without such a table.
CREATE OR REPLACE FUNCTION chancery.part_bytes(p_table text) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((SELECT pg_relation_size(c.oid) + CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE pg_relation_size(c.reltoastrelid) END
                       FROM pg_class c WHERE c.oid = to_regclass('chancery.' || p_table)), 0);
END
$$;

GRANT EXECUTE ON FUNCTION chancery.part_bytes(text) TO chancery_operator;
