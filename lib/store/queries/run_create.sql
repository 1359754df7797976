-- $1 namespace, $2 name, $3 keyring's name or null, $4 KEK fingerprint, $5 algorithm, $6 key size and $7 keys asked for,
-- each may be null, $8 and $9 algorithm and key size of a ring that is made where none is asked for,
-- $10 batch size, $11 lease duration in seconds, $12 suspended, $13 records, $14 bytes per record, $15 records per chunk
SELECT run_id, created
  FROM chancery.run_create($1, $2, $3, $4, $5::text::chancery.algorithm, $6, $7, $8::text::chancery.algorithm, $9,
                           $10, make_interval(secs => $11), $12, $13, $14, $15)
