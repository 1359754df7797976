-- $1 sink, $2 the holder's token, $3 batches, $4 what the sink knows each by, $5 SHA-256 of each
SELECT chancery.delivery_settle($1, $2, $3, $4, $5)
