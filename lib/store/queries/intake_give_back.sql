-- $1 source, $2 split or null, $3 the holder's token, $4 what failed or null, $5 seconds to leave it alone or null
SELECT chancery.intake_give_back($1, $2, $3, $4, $5)
