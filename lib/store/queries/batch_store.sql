-- $1 lease, $2 its token, $3 first record, $4 signatures of consecutive records, $5 the last of the batch
SELECT chancery.batch_store($1, $2, $3, $4, $5)
