-- $1 login
--
-- Whether there is such a login; whether it is an operator's; and whether it has more rights than an operator may have: those
-- of the ledger's owner, or of a superuser.
SELECT r.oid IS NOT NULL,
       coalesce(pg_has_role(r.oid, 'chancery_operator', 'USAGE') AND r.rolcanlogin, false),
       coalesce(r.rolsuper OR pg_has_role(r.oid, n.nspowner, 'MEMBER'), false)
  FROM pg_namespace n
  LEFT JOIN pg_roles r ON r.rolname = $1
 WHERE n.nspname = 'chancery'
