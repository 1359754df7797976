-- The functions of every run, anew.
SELECT chancery.run_functions(r.id) FROM chancery.runs r WHERE r.deleted_at IS NULL ORDER BY r.id
