-- Whether there are the roles of migrations/administrator.sql and this login can use them, whatever version the ledger has, or if there is
-- none yet; and whether this login may run that file.
SELECT EXISTS (
           SELECT FROM pg_roles a CROSS JOIN pg_roles o
            WHERE a.rolname = 'chancery_auditor' AND o.rolname = 'chancery_operator'
              AND pg_has_role(a.oid, w.takes_on) AND pg_has_role(o.oid, a.oid, w.takes_on))
           AND (SELECT count(*) = 4 FROM pg_roles r
                 WHERE r.rolname IN ('chancery_signer', 'chancery_intake', 'chancery_delivery', 'chancery_gateway')) AS roles,
       (SELECT m.rolsuper OR m.rolcreaterole FROM pg_roles m WHERE m.rolname = current_user) AS may_make_them
  FROM (SELECT CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END AS takes_on) w
