-- The least recently used key that no transaction holds, until the end of this one.
UPDATE work.keys SET last_use = nextval('work.key_uses'), taken_at = clock_timestamp()
 WHERE id = (SELECT id FROM work.keys ORDER BY last_use, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id
