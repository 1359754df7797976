-- $1 run, $2 uid of the object it was made for, $3 uid of the namespace and $4 of the object that takes it over, $5 when the
-- namespace was made, in seconds since 1970, or null, $6 uid of the object that its keyring was made for, or null, $7 whether
-- it was made for this very object, before that was kept
SELECT chancery.run_adopt($1, $2, ROW ($3, $4, to_timestamp($5))::chancery.object, $6, $7)
