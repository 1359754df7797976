-- $1 keyring
--
-- The table of the ring's digests, if it has one: see run_partitions.
SELECT t.relname::text AS name, 'digests' AS parent, t.relname = 'digests_' || $1::integer AS own,
       i.inhrelid IS NOT NULL AS attached, coalesce(i.inhdetachpending, false) AS detach_pending
  FROM pg_class t
  JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'chancery'
  LEFT JOIN pg_inherits i ON i.inhrelid = t.oid
 WHERE t.relname = 'digests_' || $1::integer
    OR (i.inhdetachpending AND t.relname ~ '^digests_[0-9]+$')
 ORDER BY i.inhdetachpending DESC NULLS LAST
