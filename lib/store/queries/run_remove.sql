-- $1 run
SELECT chancery.run_remove($1)
