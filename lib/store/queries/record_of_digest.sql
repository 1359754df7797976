-- $1 keyring, $2 run, $3 digest
SELECT d.record FROM chancery.digests d WHERE d.keyring_id = $1 AND d.digest = $3 AND d.run_id = $2
