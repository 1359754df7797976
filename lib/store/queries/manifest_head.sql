-- $1 sink, $2 token
SELECT records, batches, delivered, dead, public_keys, key_ids, bodies, signatures FROM chancery.manifest_head($1, $2)
