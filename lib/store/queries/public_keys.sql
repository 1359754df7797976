-- $1 keyring
SELECT id, public_key FROM chancery.public_keys($1)
