-- $1 key
SELECT chancery.key_retire($1)
