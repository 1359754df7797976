-- $1 sink, $2 the holder's token, $3 batches, $4 seconds
SELECT chancery.delivery_renew($1, $2, $3, $4)
