-- $1 namespace, $2 name, $3 keyring's name or null, $4 KEK fingerprint, $5 algorithm, $6 key size and $7 keys asked for,
-- each may be null, $8 and $9 algorithm and key size of a ring that is made where none is asked for,
-- $10 batch size, $11 lease duration in seconds, $12 suspended, $13 records, $14 bytes per record, $15 records per chunk,
-- $16 uid of the namespace, $17 uid of the object, $18 when the namespace was made, in seconds since 1970, or null,
-- $19 uid of the object that the keyring was made for, or null, $20 to $23 limits, each may be null: bytes of the run,
-- bits of its keys, runs and bytes of the namespace
SELECT run_id, created
  FROM chancery.run_create($1, $2, $3, $4, $5::text::chancery.algorithm, $6, $7, $8::text::chancery.algorithm, $9,
                           $10, make_interval(secs => $11), $12, $13, $14, $15,
                           ROW ($16, $17, to_timestamp($18))::chancery.object, $19,
                           ROW ($20, $21, $22, $23)::chancery.limits)
