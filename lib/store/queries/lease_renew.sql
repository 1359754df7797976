-- $1 lease, $2 its token
SELECT chancery.lease_renew($1, $2)
