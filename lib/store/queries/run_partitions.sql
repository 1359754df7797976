-- $1 run
--
-- The run's own tables, among them that of the digests of a ring that it has to itself, and whether each is still
-- attached, being detached, or apart. And those of other runs whose detaching was broken off: until that is finished, no
-- other table can be detached.
SELECT t.relname::text AS name, p.relname::text AS parent,
       coalesce(t.relname = p.relname || '_' || p.number, false) AS own, i.inhrelid IS NOT NULL AS attached, coalesce(i.inhdetachpending, false) AS detach_pending
  FROM pg_class t
  JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'chancery'
  JOIN (VALUES ('records', $1), ('batches', $1), ('signatures', $1), ('arrivals', $1),
               ('digests', (SELECT k.id FROM chancery.runs r JOIN chancery.keyrings k ON k.id = r.keyring_id
                             WHERE r.id = $1 AND k.name IS NULL))) AS p (relname, number)
    ON t.relname ~ ('^' || p.relname || '_[0-9]+$')
  LEFT JOIN pg_inherits i ON i.inhrelid = t.oid
 WHERE t.relname = p.relname || '_' || p.number OR i.inhdetachpending
 ORDER BY i.inhdetachpending DESC NULLS LAST, t.relname
