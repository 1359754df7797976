-- $1 lease, $2 its token, $3 first record, $4 signatures of consecutive records, $5 the last of the batch,
-- $6 the library that made them
SELECT chancery.batch_store($1, $2, $3, $4, $5, $6::text::chancery.signing_library)
