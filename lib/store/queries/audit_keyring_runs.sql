-- $1 keyring
--
-- The runs of the ring that have their tables: those of a run that is being deleted go at any moment.
SELECT r.id, r.namespace || '/' || r.name AS name
  FROM chancery.runs r
 WHERE r.keyring_id = $1 AND r.deleted_at IS NULL
 ORDER BY r.id
