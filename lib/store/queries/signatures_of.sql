-- $1 run, $2 its uid, $3 records
SELECT record, digest, key_id, signature, signed_at, flags FROM chancery.signatures_of($1, $2, $3)
