-- $1 sink, $2 token, $3 the batch before, $4 how many at the most
SELECT batch, first_record, last_record, state, object, digest, last_error FROM chancery.manifest_batches($1, $2, $3, $4)
