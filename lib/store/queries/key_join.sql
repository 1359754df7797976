-- $1 keyring, $2 id, $3 number, $4 public key, $5 wrapped key
SELECT chancery.key_join($1, $2, $3, $4, $5)
