-- $1 lease
SELECT chancery.lease_renew($1)
