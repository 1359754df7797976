SELECT to_regclass('chancery.schema_migrations') IS NOT NULL
