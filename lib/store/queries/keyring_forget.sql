-- $1 keyring, $2 how many leases at the most
SELECT chancery.keyring_forget($1, $2)
