-- $1 run, $2 the run's uid, $3 holder, $4 hash of the lease's token, $5 use floor, $6 batch floor
SELECT answer, lease_id, key_id, wrapped_key_hash, batch, first_record, last_record, payload_bytes, use_sequence,
       lease_seconds, expired, use_floor, batch_floor
  FROM chancery.lease_acquire($1, $2, $3, $4, $5, $6)
