-- $1 lease, $2 its token
SELECT wrapped_key, public_key FROM chancery.lease_key($1, $2)
