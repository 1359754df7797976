-- $1 sink, $2 the holder's token, $3 batches, $4 why the sink cannot be reached and $5 seconds for which it is left alone, or both null
SELECT chancery.delivery_give_back($1, $2, $3, $4, $5)
