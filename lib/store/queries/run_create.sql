-- $1 namespace, $2 name, $3 keyring's name or null, $4 uid of a ring that is made, $5 fingerprint of its data key, $6 that
-- key, wrapped, $7 fingerprint of the KEK that wrapped it, $8 algorithm, $9 key size and $10 keys asked for, each may be
-- null, $11 and $12 algorithm and key size of a ring that is made where none is asked for, $13 batch size, $14 lease
-- duration in seconds, $15 suspended, $16 records, $17 bytes per record, $18 records per chunk,
-- $19 uid of the namespace, $20 uid of the object, $21 when the namespace was made, in seconds since 1970, or null,
-- $22 uid of the object that the keyring was made for, or null, $23 to $26 limits, each may be null: bytes of the run,
-- bits of its keys, runs and bytes of the namespace; $27 sources as JSON, or null for generated records: then $28
-- idempotency, $29 most dead letters and $30 seconds for which they are kept are null, too; $31 the expression of the
-- idempotency, or null, $32 seconds for which digests are kept once the run is deleted, $33 the name of its policy and
-- $34 the text of that, or both null; $35 the envelope and $36 the content type asked for, each may be null;
-- $37 sinks and $38 notifications as JSON, each may be null
SELECT run_id, created
  FROM chancery.run_create($1, $2, $3, $4, $5, $6, $7, $8::text::chancery.algorithm, $9, $10,
                           $11::text::chancery.algorithm, $12, $35::text::chancery.envelope, $36, $13, make_interval(secs => $14), $15, $16, $17, $18,
                           $27::text::jsonb, $28::text::chancery.idempotency, $31, make_interval(secs => $32), $29, make_interval(secs => $30),
                           ROW ($19, $20, to_timestamp($21))::chancery.object, $22,
                           ROW ($23, $24, $25, $26)::chancery.limits, $33, $34, $37::text::jsonb, $38::text::jsonb)
