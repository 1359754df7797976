-- $1 SHA-256 of the body of chancery_logins.change, in hexadecimal
--
-- Whether there are the roles of migrations/administrator.sql and this login can use them; whether it can have logins of
-- runs made, by the function as this program knows it; whether what nobody needs is taken from everybody; and whether
-- this login may run that file. Whether signers, intakes, deliveries, gateways, auditors and operators have the rights of migrations/roles.sql, and
-- none to read what is not theirs, and whether the schema says which ledger it is; the functions that were granted to each,
-- after the role's name; and whether there is a function that everybody may call.
--
-- Nothing here fails when a role is missing, as it is on a server that a ledger was just restored on.
WITH signer AS (
       SELECT oid FROM pg_roles WHERE rolname = 'chancery_signer'
), intake AS (
       SELECT oid FROM pg_roles WHERE rolname = 'chancery_intake'
), delivery AS (
       SELECT oid FROM pg_roles WHERE rolname = 'chancery_delivery'
), gateway AS (
       SELECT oid FROM pg_roles WHERE rolname = 'chancery_gateway'
), auditor AS (
       SELECT oid FROM pg_roles WHERE rolname = 'chancery_auditor'
), operator AS (
       SELECT oid FROM pg_roles WHERE rolname = 'chancery_operator'
), logins AS (
       SELECT oid FROM pg_roles WHERE rolname = 'chancery_logins' AND rolcreaterole AND NOT rolcanlogin
), me AS (
       SELECT oid, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user
), owner AS (
       SELECT CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END AS takes_on
), functions AS (
       SELECT p.proname, a.grantee FROM pg_proc p
        CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        WHERE p.pronamespace = 'chancery'::regnamespace
)
SELECT EXISTS (
           SELECT FROM auditor a CROSS JOIN operator o CROSS JOIN owner w CROSS JOIN signer CROSS JOIN intake CROSS JOIN delivery CROSS JOIN gateway
            WHERE pg_has_role(a.oid, w.takes_on) AND pg_has_role(o.oid, a.oid, w.takes_on)) AS roles,
       EXISTS (
           SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
             JOIN logins l ON l.oid = p.proowner CROSS JOIN operator o
             JOIN pg_auth_members m ON m.member = l.oid AND m.admin_option JOIN signer s ON s.oid = m.roleid
             JOIN pg_auth_members mi ON mi.member = l.oid AND mi.admin_option JOIN intake i ON i.oid = mi.roleid
             JOIN pg_auth_members md ON md.member = l.oid AND md.admin_option JOIN delivery d ON d.oid = md.roleid
            WHERE n.nspname = 'chancery_logins' AND p.proname = 'change' AND p.prosecdef
              AND encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex') = $1
              AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')
              AND has_schema_privilege(o.oid, n.oid, 'USAGE') AND has_function_privilege(o.oid, p.oid, 'EXECUTE')) AS logins,
       -- Their parameters are not the same in all versions.
       NOT EXISTS (
           SELECT FROM pg_proc p
            WHERE p.pronamespace = 'pg_catalog'::regnamespace
              AND p.proname ~ '^(pg_(try_)?advisory_|pg_logical_emit_message$|pg_notify$|lo_|lowrite$|loread$)'
              AND has_function_privilege('public', p.oid, 'EXECUTE'))
           AND NOT has_database_privilege('public', current_database(), 'TEMPORARY') AS hardened,
       (SELECT m.rolsuper FROM me m) AS superuser,
       (SELECT m.rolcreaterole FROM me m) AS createrole,
       EXISTS (
           SELECT FROM signer s
            WHERE has_schema_privilege(s.oid, 'chancery', 'USAGE')
              AND has_table_privilege(s.oid, 'chancery.ledger', 'SELECT')
              AND NOT has_any_column_privilege(s.oid, 'chancery.runs', 'SELECT')
              AND NOT has_any_column_privilege(s.oid, 'chancery.keyrings', 'SELECT')
              AND NOT has_any_column_privilege(s.oid, 'chancery.records', 'SELECT')
              AND NOT has_any_column_privilege(s.oid, 'chancery.key_material', 'SELECT')
              AND NOT has_any_column_privilege(s.oid, 'chancery.data_keys', 'SELECT')
              AND NOT EXISTS (
                      SELECT FROM pg_inherits i
                       WHERE i.inhparent = 'chancery.records'::regclass
                         AND has_table_privilege(s.oid, i.inhrelid, 'SELECT')))
           AND EXISTS (
           SELECT FROM intake i
            WHERE has_schema_privilege(i.oid, 'chancery', 'USAGE')
              AND has_table_privilege(i.oid, 'chancery.ledger', 'SELECT'))
           AND EXISTS (
           SELECT FROM delivery d
            WHERE has_schema_privilege(d.oid, 'chancery', 'USAGE')
              AND has_table_privilege(d.oid, 'chancery.ledger', 'SELECT'))
           AND EXISTS (
           SELECT FROM gateway g
            WHERE has_schema_privilege(g.oid, 'chancery', 'USAGE')
              AND has_table_privilege(g.oid, 'chancery.ledger', 'SELECT'))
           AND EXISTS (
           SELECT FROM auditor a
            WHERE has_schema_privilege(a.oid, 'chancery', 'USAGE')
              AND has_column_privilege(a.oid, 'chancery.key_material', 'key_id', 'SELECT')
              AND has_column_privilege(a.oid, 'chancery.key_material', 'public_key', 'SELECT')
              AND NOT has_column_privilege(a.oid, 'chancery.key_material', 'wrapped_key', 'SELECT')
              AND has_column_privilege(a.oid, 'chancery.data_keys', 'keyring_id', 'SELECT')
              AND has_column_privilege(a.oid, 'chancery.data_keys', 'kek_fingerprint', 'SELECT')
              AND NOT has_column_privilege(a.oid, 'chancery.data_keys', 'wrapped', 'SELECT')
              AND NOT EXISTS (
                      SELECT FROM unnest(ARRAY['admissions', 'alerts', 'answers', 'arrivals', 'batch_roots', 'batches', 'deleted_runs', 'deliveries', 'delivery_moves', 'digests', 'events',
                                               'flags', 'generated_chunks', 'generated_sources', 'intakes', 'judgements', 'kept_digests',
                                               'keyrings', 'keys', 'leases', 'ledger', 'letter_acts', 'letter_moves', 'logins', 'manifests', 'notifications', 'originals', 'pendings', 'policies', 'pushes', 'records', 'run_secrets', 'runs',
                                               'schema_migrations', 'signature_blocks', 'signatures', 'sinks', 'sources', 'splits', 'statements', 'traces']) t
                       WHERE NOT has_table_privilege(a.oid, 'chancery.' || t, 'SELECT')))
           AND EXISTS (
           SELECT FROM operator o
            WHERE has_schema_privilege(o.oid, 'chancery', 'USAGE')
              AND has_table_privilege(o.oid, 'chancery.functions', 'SELECT')
              AND has_table_privilege(o.oid, 'chancery.data_keys', 'SELECT')
              AND has_column_privilege(o.oid, 'chancery.data_keys', 'wrapped', 'UPDATE')
              AND NOT has_table_privilege(o.oid, 'chancery.batch_roots', 'INSERT')
              AND NOT has_table_privilege(o.oid, 'chancery.statements', 'INSERT')
              AND has_table_privilege(o.oid, 'chancery.run_secrets', 'INSERT')
              AND has_table_privilege(o.oid, 'chancery.run_secrets', 'UPDATE')
              AND has_column_privilege(o.oid, 'chancery.runs', 'too_many_dead', 'UPDATE')
              AND has_column_privilege(o.oid, 'chancery.intakes', 'dead_limit', 'UPDATE')
              AND NOT has_column_privilege(o.oid, 'chancery.key_material', 'wrapped_key', 'SELECT'))
           AND obj_description('chancery'::regnamespace, 'pg_namespace')
               IS NOT DISTINCT FROM 'the ledger ' || (SELECT l.uid FROM chancery.ledger l) AS tables,
       EXISTS (SELECT FROM functions WHERE grantee = 0) AS open_to_all,
       ARRAY (SELECT DISTINCT format('%s %s', r.rolname, f.proname)
                FROM functions f JOIN pg_roles r ON r.oid = f.grantee
               WHERE r.rolname IN ('chancery_signer', 'chancery_intake', 'chancery_delivery', 'chancery_gateway', 'chancery_auditor',
                                   'chancery_operator')) AS functions
