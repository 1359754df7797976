-- $1 sink, $2 token, $3 what the sink knows it by, $4 its SHA-256
SELECT chancery.manifest_settle($1, $2, $3, $4)
