-- Keys are made by the signers of runs (key_add), and a run is complete only once its ring is filled. A signer of before
-- makes none, and an operator of before makes all: programs of the former version refuse this ledger.

-- key_join marks a ring filled with its last key.
DROP FUNCTION IF EXISTS chancery.keyring_filled(integer);
DELETE FROM chancery.functions f WHERE f.name = 'keyring_filled';

-- Whoever made the last key may have died before it marked the ring.
UPDATE chancery.keyrings k SET filled_at = clock_timestamp()
 WHERE k.filled_at IS NULL
   AND (SELECT count(*) FROM chancery.keys y WHERE y.keyring_id = k.id AND y.number <= k.key_count) = k.key_count;
