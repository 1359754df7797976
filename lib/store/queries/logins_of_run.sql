-- $1 run
--
-- The logins of a run, oldest first, whether each has sessions, and whether it still serves: there may be no such role on a server on which the
-- ledger was restored, or one that was made for the ledger in another database.
SELECT l.name::text AS name, l.work::text AS work,
       coalesce(
           r.rolcanlogin
           AND shobj_description(r.oid, 'pg_authid') LIKE '%with the oid ' || d.oid
           AND EXISTS (SELECT FROM pg_auth_members m
                        WHERE m.member = r.oid AND m.roleid = (SELECT s.oid FROM pg_roles s WHERE s.rolname = CASE l.work WHEN 'Sign' THEN 'chancery_signer' WHEN 'Admit' THEN 'chancery_intake' ELSE 'chancery_delivery' END))
           AND (l.work <> 'Sign'
                OR has_table_privilege(r.oid, to_regclass('chancery.records_' || l.run_id), 'SELECT')), false) AS works,
       EXISTS (SELECT FROM pg_stat_activity a WHERE a.usesysid = r.oid) AS in_use
  FROM chancery.logins l
  JOIN pg_database d ON d.datname = current_database()
  LEFT JOIN pg_roles r ON r.rolname = l.name
 WHERE l.run_id = $1
 ORDER BY l.made_at, l.name
