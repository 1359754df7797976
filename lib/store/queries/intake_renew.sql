-- $1 source, $2 split or null, $3 the holder's token
SELECT chancery.intake_renew($1, $2, $3)
