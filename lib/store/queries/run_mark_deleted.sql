-- $1 run
UPDATE chancery.runs SET deleted_at = coalesce(deleted_at, clock_timestamp()) WHERE id = $1
