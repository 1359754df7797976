-- $1 namespace, $2 name, $3 KEK fingerprint, $4 records, $5 bytes a record, $6 keys, $7 batch size,
-- $8 algorithm, $9 key size, $10 lease duration in seconds, $11 suspended, $12 records a seeding chunk
SELECT run_id, created
  FROM chancery.run_create($1, $2, $3, $4, $5, $6, $7, $8::text::chancery.algorithm, $9,
                           make_interval(secs => $10), $11, $12)
