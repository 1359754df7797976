-- $1 run, $2 holders known to be dead
SELECT chancery.holders_release($1, $2)
