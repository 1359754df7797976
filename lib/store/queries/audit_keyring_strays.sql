-- $1 keyring, $2 how many of a kind at the most
--
-- Rows that have no place in the ring or its log, or in any.
(SELECT 'lease in another log' AS kind, l.id AS number, l.key_id::text AS name FROM chancery.leases l
  WHERE l.keyring_id IS DISTINCT FROM $1
    AND (l.run_id IN (SELECT id FROM chancery.runs WHERE keyring_id = $1)
         OR l.run_id IN (SELECT run_id FROM chancery.deleted_runs WHERE keyring_id = $1)
         OR l.key_id IN (SELECT id FROM chancery.keys WHERE keyring_id = $1)) LIMIT $2)
UNION ALL
-- A lease is of a run of its ring: one that is in the ledger, or one that was deleted and is remembered.
(SELECT 'lease of no run', l.id, l.run_id::text FROM chancery.leases l
  WHERE NOT EXISTS (SELECT FROM chancery.runs r WHERE r.id = l.run_id AND r.keyring_id = l.keyring_id)
    AND NOT EXISTS (SELECT FROM chancery.deleted_runs d WHERE d.run_id = l.run_id AND d.keyring_id = l.keyring_id)
  LIMIT $2)
UNION ALL
(SELECT 'lease of a deleted run', l.id, l.run_id::text FROM chancery.leases l
   JOIN chancery.deleted_runs d ON d.run_id = l.run_id AND d.keyring_id = l.keyring_id
  WHERE l.use_sequence > d.last_use LIMIT $2)
UNION ALL
(SELECT 'deleted run in the ledger', d.run_id, d.namespace || '/' || d.name FROM chancery.deleted_runs d
  WHERE EXISTS (SELECT FROM chancery.runs r WHERE r.id = d.run_id) LIMIT $2)
UNION ALL
(SELECT 'deleted run of no ring', d.run_id, d.namespace || '/' || d.name FROM chancery.deleted_runs d
  WHERE NOT EXISTS (SELECT FROM chancery.keyrings k WHERE k.id = d.keyring_id) LIMIT $2)
UNION ALL
(SELECT 'deleted run of later', d.run_id, d.last_use::text FROM chancery.deleted_runs d
  WHERE d.keyring_id = $1
    AND d.last_use > (SELECT coalesce(max(l.use_sequence), 0) FROM chancery.leases l WHERE l.keyring_id = $1)
  LIMIT $2)
UNION ALL
(SELECT 'key of no ring', number, id::text FROM chancery.keys k
  WHERE NOT EXISTS (SELECT FROM chancery.keyrings r WHERE r.id = k.keyring_id) LIMIT $2)
UNION ALL
(SELECT 'material of no key', 0, key_id::text FROM chancery.key_material m
  WHERE NOT EXISTS (SELECT FROM chancery.keys k WHERE k.id = m.key_id) LIMIT $2)
UNION ALL
(SELECT 'keyring', max(k.id), '' FROM chancery.keyrings k
   JOIN (SELECT DISTINCT id, uid, namespace, name FROM chancery.keyrings WHERE id = $1) self
     ON k.id = self.id OR k.uid = self.uid OR (k.namespace, k.name) = (self.namespace, self.name)
 HAVING count(*) > 1)
