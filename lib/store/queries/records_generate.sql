-- $1 run, $2 chunk
SELECT chancery.records_generate($1, $2)
