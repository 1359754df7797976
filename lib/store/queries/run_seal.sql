-- $1 run
SELECT chancery.run_seal($1)
