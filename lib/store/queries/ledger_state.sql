-- Whether there is a ledger, and whether it is of a time before each function was a file of its own.
SELECT to_regclass('chancery.schema_migrations') IS NOT NULL AS present,
       to_regclass('chancery.schema_migrations') IS NOT NULL
           AND to_regclass('chancery.functions') IS NULL
           AND to_regclass('chancery.runs') IS NOT NULL AS former
