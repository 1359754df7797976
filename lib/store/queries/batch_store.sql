-- $1 lease, $2 first record, $3 signatures of consecutive records, $4 the last of the batch
SELECT chancery.batch_store($1, $2, $3, $4)
