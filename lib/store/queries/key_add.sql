-- $1 run, $2 the run's uid, $3 key, $4 its number in the ring, $5 public key, $6 wrapped key
SELECT chancery.key_add($1, $2, $3, $4, $5, $6)
