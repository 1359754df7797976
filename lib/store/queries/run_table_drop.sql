-- $1 run, $2 table of all runs that it had a part of
SELECT chancery.run_table_drop($1, $2)
