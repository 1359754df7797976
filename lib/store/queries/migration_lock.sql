-- Those who bring this ledger up to date take turns. The lock ends with the connection.
SELECT pg_advisory_lock(1128814158, -1)
