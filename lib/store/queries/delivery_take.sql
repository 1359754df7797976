-- $1 sink, $2 holder, $3 hash of the holder's token, $4 how many at the most, $5 seconds for which they are the holder's
SELECT task, batch, first_record, last_record, attempts, public_key, signed_at, seconds, signing FROM chancery.delivery_take($1, $2, $3, $4, $5)
