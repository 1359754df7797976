-- Whether the roles of signers and auditors have the rights of migrations/roles.sql, and none to read private keys or data keys;
-- the functions that were granted to either, each after the role's name; and whether there is a function that
-- everybody may call.
--
-- Nothing here fails when a role is missing, as it is on a server that a ledger was just restored on.
WITH signer AS (
       SELECT oid FROM pg_roles WHERE rolname = 'chancery_signer'
), auditor AS (
       SELECT oid FROM pg_roles WHERE rolname = 'chancery_auditor'
), owner AS (
       SELECT CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END AS takes_on
), functions AS (
       SELECT p.proname, a.grantee FROM pg_proc p
        CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        WHERE p.pronamespace = 'chancery'::regnamespace
)
SELECT EXISTS (
           SELECT FROM signer s CROSS JOIN owner o
            WHERE pg_has_role(s.oid, o.takes_on)
              AND has_schema_privilege(s.oid, 'chancery', 'USAGE')
              AND has_table_privilege(s.oid, 'chancery.ledger', 'SELECT')
              AND has_table_privilege(s.oid, 'chancery.runs', 'SELECT')
              AND has_table_privilege(s.oid, 'chancery.keyrings', 'SELECT')
              AND has_table_privilege(s.oid, 'chancery.records', 'SELECT')
              AND NOT has_any_column_privilege(s.oid, 'chancery.key_material', 'SELECT')
              AND NOT has_any_column_privilege(s.oid, 'chancery.data_keys', 'SELECT')
              AND NOT EXISTS (
                      SELECT FROM pg_inherits i
                       WHERE i.inhparent = 'chancery.records'::regclass
                         AND NOT has_table_privilege(s.oid, i.inhrelid, 'SELECT')))
           AND EXISTS (
           SELECT FROM auditor a CROSS JOIN owner o
            WHERE pg_has_role(a.oid, o.takes_on)
              AND has_schema_privilege(a.oid, 'chancery', 'USAGE')
              AND has_column_privilege(a.oid, 'chancery.key_material', 'key_id', 'SELECT')
              AND has_column_privilege(a.oid, 'chancery.key_material', 'public_key', 'SELECT')
              AND NOT has_column_privilege(a.oid, 'chancery.key_material', 'wrapped_key', 'SELECT')
              AND has_column_privilege(a.oid, 'chancery.data_keys', 'keyring_id', 'SELECT')
              AND has_column_privilege(a.oid, 'chancery.data_keys', 'kek_fingerprint', 'SELECT')
              AND NOT has_column_privilege(a.oid, 'chancery.data_keys', 'wrapped', 'SELECT')
              AND NOT EXISTS (
                      SELECT FROM unnest(ARRAY['admissions', 'batch_roots', 'batches', 'deleted_runs', 'generated_chunks',
                                               'generated_sources', 'keyrings', 'keys', 'leases', 'ledger', 'records',
                                               'run_secrets', 'runs', 'schema_migrations', 'signatures', 'statements']) t
                       WHERE NOT has_table_privilege(a.oid, 'chancery.' || t, 'SELECT'))) AS tables,
       EXISTS (SELECT FROM functions WHERE grantee = 0) AS open_to_all,
       ARRAY (SELECT DISTINCT format('%s %s', r.rolname, f.proname)
                FROM functions f JOIN pg_roles r ON r.oid = f.grantee
               WHERE r.rolname IN ('chancery_signer', 'chancery_auditor')) AS functions
