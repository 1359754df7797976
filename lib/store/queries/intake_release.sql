-- $1 run, $2 holders that are dead
SELECT chancery.intake_release($1, $2)
