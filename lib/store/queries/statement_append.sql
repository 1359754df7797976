-- $1 number, $2 SHA-256 of the statement before, or null, $3 uid of the run, $4 kind, $5 id of the key, $6 body,
-- $7 signature
--
-- Of two that are made after the same statement, one is kept. The run's row is held, so that none is made of a run
-- that is being removed.
INSERT INTO chancery.statements (number, hash, previous, run_uid, kind, key_id, body, signature)
SELECT $1, sha256($6), $2, r.uid, $4::chancery.statement_kind, $5, $6, $7
  FROM (SELECT uid FROM chancery.runs WHERE uid = $3 AND deleted_at IS NULL FOR KEY SHARE) r
 WHERE $1 = (SELECT coalesce(max(s.number), 0) + 1 FROM chancery.statements s)
   AND $2::bytea IS NOT DISTINCT FROM (SELECT s.hash FROM chancery.statements s ORDER BY s.number DESC LIMIT 1)
    ON CONFLICT DO NOTHING
