-- $1 run
SELECT EXISTS (SELECT FROM chancery.runs r WHERE r.id = $1 AND r.deleted_at IS NULL)
