-- $1 keyring
SELECT chancery.keyring_filled($1)
