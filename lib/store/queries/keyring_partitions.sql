-- $1 keyring
--
-- The table of the ring's digests, if it has one: see run_partitions.
SELECT 'digests' AS parent, $1::integer AS number, true AS own
 WHERE to_regclass('chancery.digests_' || $1::integer) IS NOT NULL
