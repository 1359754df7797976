-- $1 run, $2 its uid
--
-- What judges what is pushed to it: its SHA-256, and its text.
SELECT hash, text FROM chancery.run_policy($1, $2)
