-- $1 run
--
-- The run's own tables, and whether each is still attached, being detached, or apart.
SELECT t.relname::text AS name, p.relname::text AS parent,
       i.inhrelid IS NOT NULL AS attached, coalesce(i.inhdetachpending, false) AS detach_pending
  FROM pg_class t
  JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'chancery'
  JOIN (VALUES ('records'), ('batches'), ('signatures')) AS p (relname) ON t.relname = p.relname || '_' || $1
  LEFT JOIN pg_inherits i ON i.inhrelid = t.oid
 ORDER BY t.relname
