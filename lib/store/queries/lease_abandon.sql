-- $1 lease, $2 its token
SELECT chancery.lease_abandon($1, $2)
