-- $1 sink, $2 token, $3 error, $4 seconds
SELECT chancery.manifest_give_back($1, $2, $3, $4)
