SELECT chancery.database_used()
