-- The gateway has a role of its own, chancery_gateway, which reads no table but the ledger's uid: what it shows of a run, of
-- records and of keys, functions tell it (run_show and those beside it). A program of the time before would ask the tables, and
-- a gateway of this time finds no functions in a ledger of that one.
SELECT 1;
