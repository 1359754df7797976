-- $1 keyring, $2 run
--
-- From the run's first lease to the ring's newest.
SELECT (SELECT min(l.use_sequence) FROM chancery.leases l WHERE l.keyring_id = $1 AND l.run_id = $2) AS first_use,
       (SELECT max(l.use_sequence) FROM chancery.leases l WHERE l.keyring_id = $1) AS last_use
