-- Keeps audits and exports from beginning: see the function deletion_gate. Ends with the connection, or as it is opened.
SELECT pg_advisory_lock(1128814158, -2)
