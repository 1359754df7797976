-- $1 sink, $2 the holder's token, $3 and $4 first and last batch, $5 the record that was read last, $6 bytes of payload
SELECT record, digest, payload, signature, marks, traceparent FROM chancery.delivery_records($1, $2, $3, $4, $5, $6)
