-- $1 holder, $2 hash of the holder's token
SELECT task, source, name, description::text AS description, split, part::text AS part, start_at, key, attempts, seconds, room
  FROM chancery.intake_next($1, $2)
