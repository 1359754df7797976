-- $1 run
SELECT chancery.pushes_pending($1)
