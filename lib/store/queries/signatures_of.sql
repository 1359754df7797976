-- $1 run, $2 its uid, $3 records, $4 bytes of payloads that come along, 0 for none
SELECT record, digest, key_id, signature, signed_at, flags, payload FROM chancery.signatures_of($1, $2, $3, $4)
