-- $1 lease, $2 its token, $3 first record, $4 last record, $5 their signatures, end to end, $6 the last of the batch,
-- $7 the library that made them
SELECT chancery.batch_store($1, $2, $3, $4, $5, $6, $7::text::chancery.signing_library)
