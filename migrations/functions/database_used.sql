-- Bytes on the disk that this database takes, with the server's write-ahead log: as long as it is where the owner may
-- look at it (a member of pg_monitor may), else as long as it may get by the server's settings. What other databases of
-- the server take is not known here.
CREATE OR REPLACE FUNCTION chancery.database_used() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_log bigint;
BEGIN
    IF has_function_privilege('pg_catalog.pg_ls_waldir()', 'EXECUTE') THEN
        SELECT coalesce(sum(w.size), 0) INTO v_log FROM pg_ls_waldir() w;
    ELSE
        v_log := pg_size_bytes(current_setting('max_wal_size'));
    END IF;
    RETURN pg_database_size(current_database()) + v_log;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.database_used() TO chancery_operator;
