-- $1 run, $2 holders that are dead
SELECT chancery.delivery_release($1, $2)
