-- $1 lease
SELECT chancery.lease_abandon($1)
