-- $1 run
SELECT chancery.run_settle($1)
