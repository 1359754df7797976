-- $1 run
--
-- What the run has of the tables of all runs, among it the digests of a ring that it has to itself. And what others have
-- whose detaching was broken off by a former version: until that is finished, nothing else can be detached.
SELECT p.relname::text AS parent, substr(t.relname, length(p.relname) + 2)::integer AS number,
       coalesce(t.relname = p.relname || '_' || p.number, false) AS own
  FROM pg_class t
  JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'chancery'
  JOIN (VALUES ('records', $1), ('batches', $1), ('signature_blocks', $1), ('arrivals', $1),
               ('flags', $1), ('alerts', $1), ('originals', $1), ('judgements', $1), ('pendings', $1), ('answers', $1), ('traces', $1), ('deliveries', $1), ('events', $1),
               ('digests', (SELECT k.id FROM chancery.runs r JOIN chancery.keyrings k ON k.id = r.keyring_id
                             WHERE r.id = $1 AND k.name IS NULL))) AS p (relname, number)
    ON t.relname ~ ('^' || p.relname || '_[0-9]+$')
  LEFT JOIN pg_inherits i ON i.inhrelid = t.oid
 WHERE t.relname = p.relname || '_' || p.number OR i.inhdetachpending
 ORDER BY i.inhdetachpending DESC NULLS LAST, t.relname
