-- $1 sink, $2 the holder's token, $3 batches, $4 what the sink said of each, $5 seconds for which each is left alone
SELECT put_off, dead FROM chancery.delivery_fail($1, $2, $3, $4, $5)
