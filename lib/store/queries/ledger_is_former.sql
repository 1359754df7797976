-- Whether migrations were applied before each function of the ledger was a file of its own. No rights are needed.
SELECT to_regclass('chancery.schema_migrations') IS NOT NULL
   AND to_regclass('chancery.functions') IS NULL
   AND to_regclass('chancery.runs') IS NOT NULL
