-- $1 run, $2 table of all runs that it has a part of
SELECT chancery.run_table_detach($1, $2)
