-- $1 run
SELECT chancery.manifests_stated($1)
