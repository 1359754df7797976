-- What of its rights the signers' role has: those of migrations/roles.sql, and the functions that were granted to it.
-- And whether there is a function that everybody may call.
--
-- Nothing here fails when the role is missing, as it is on a server that a ledger was just restored on.
WITH signer AS (
       SELECT oid FROM pg_roles WHERE rolname = 'chancery_signer'
), functions AS (
       SELECT p.proname, a.grantee FROM pg_proc p
        CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        WHERE p.pronamespace = 'chancery'::regnamespace
)
SELECT EXISTS (
           SELECT FROM signer s
            WHERE pg_has_role(s.oid, CASE WHEN current_setting('server_version_num')::integer >= 160000
                                          THEN 'SET' ELSE 'MEMBER' END)
              AND has_schema_privilege(s.oid, 'chancery', 'USAGE')
              AND has_table_privilege(s.oid, 'chancery.ledger', 'SELECT')
              AND has_table_privilege(s.oid, 'chancery.runs', 'SELECT')
              AND has_table_privilege(s.oid, 'chancery.keyrings', 'SELECT')
              AND has_table_privilege(s.oid, 'chancery.records', 'SELECT')
              AND has_column_privilege(s.oid, 'chancery.key_material', 'key_id', 'SELECT')
              AND has_column_privilege(s.oid, 'chancery.key_material', 'public_key', 'SELECT')
              AND NOT EXISTS (
                      SELECT FROM pg_inherits i
                       WHERE i.inhparent = 'chancery.records'::regclass
                         AND NOT has_table_privilege(s.oid, i.inhrelid, 'SELECT'))) AS tables,
       EXISTS (SELECT FROM functions WHERE grantee = 0) AS open_to_all,
       ARRAY (SELECT DISTINCT f.proname::text FROM functions f JOIN signer s ON s.oid = f.grantee) AS functions
