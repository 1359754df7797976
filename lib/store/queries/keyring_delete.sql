-- $1 namespace, $2 name
SELECT chancery.keyring_delete($1, $2)
