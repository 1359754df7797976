-- $1 sink, $2 the holder's token, $3 seconds
SELECT chancery.manifest_renew($1, $2, $3)
