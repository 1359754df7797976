-- Whether this login has the rights of the ledger's owner. True when there is no ledger: whoever makes it will own it.
SELECT coalesce((SELECT pg_has_role(n.nspowner, 'USAGE') FROM pg_namespace n WHERE n.nspname = 'chancery'), true)
