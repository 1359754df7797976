-- $1 login, $2 the role that it is to be a member of, $3 roles that it must not be a member of
--
-- Whether there is such a login; whether it is a member and may log in; and whether it has more rights than it may have: those
-- of the ledger's owner, of a superuser, or of one of these roles.
SELECT r.oid IS NOT NULL,
       coalesce(pg_has_role(r.oid, $2::name, 'USAGE') AND r.rolcanlogin, false),
       coalesce(r.rolsuper OR pg_has_role(r.oid, n.nspowner, 'MEMBER')
                OR EXISTS (SELECT FROM pg_roles o WHERE o.rolname::text = ANY ($3::text[]) AND pg_has_role(r.oid, o.oid, 'MEMBER')), false)
  FROM pg_namespace n
  LEFT JOIN pg_roles r ON r.rolname = $1
 WHERE n.nspname = 'chancery'
