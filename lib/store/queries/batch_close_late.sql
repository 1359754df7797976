-- $1 run
SELECT chancery.batch_close_late($1)
