-- $1 name, $2 hash
INSERT INTO chancery.functions (name, hash) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET hash = excluded.hash
