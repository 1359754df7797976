-- $1 run
--
-- The run's own tables. And those of other runs whose detaching was broken off by a former version: until that is
-- finished, no other table can be detached.
SELECT split_part(t.relname, '_', 2)::integer AS run, p.relname::text AS parent
  FROM pg_class t
  JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'chancery'
  JOIN (VALUES ('records'), ('batches'), ('signatures')) AS p (relname) ON t.relname ~ ('^' || p.relname || '_[0-9]+$')
  LEFT JOIN pg_inherits i ON i.inhrelid = t.oid
 WHERE t.relname = p.relname || '_' || $1 OR i.inhdetachpending
 ORDER BY i.inhdetachpending DESC NULLS LAST, t.relname
