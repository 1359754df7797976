-- $1 run
--
-- The run's own tables, and whether each is still attached, being detached, or apart. And those of other
-- runs whose detaching was broken off: until that is finished, no other table can be detached.
SELECT t.relname::text AS name, p.relname::text AS parent,
       t.relname = p.relname || '_' || $1 AS own, i.inhrelid IS NOT NULL AS attached, coalesce(i.inhdetachpending, false) AS detach_pending
  FROM pg_class t
  JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'chancery'
  JOIN (VALUES ('records'), ('batches'), ('signatures')) AS p (relname) ON t.relname ~ ('^' || p.relname || '_[0-9]+$')
  LEFT JOIN pg_inherits i ON i.inhrelid = t.oid
 WHERE t.relname = p.relname || '_' || $1 OR i.inhdetachpending
 ORDER BY i.inhdetachpending DESC NULLS LAST, t.relname
