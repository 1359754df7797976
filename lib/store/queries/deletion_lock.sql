-- Chancery's own namespace of advisory locks, and a number that no keyring has.
SELECT pg_advisory_lock(1128814158, 0)
