-- $1 run
SELECT chancery.digests_forget($1)
