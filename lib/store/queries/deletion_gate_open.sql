-- Lets audits and exports begin again.
SELECT pg_advisory_unlock(1128814158, -2)
