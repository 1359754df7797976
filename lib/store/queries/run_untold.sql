-- $1 run
SELECT chancery.run_untold($1)
