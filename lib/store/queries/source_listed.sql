-- $1 source, $2 the holder's token, $3 how many splits it has
SELECT chancery.source_listed($1, $2, $3)
