-- $1 run, $2 holder, $3 use floor, $4 batch floor
SELECT answer, lease_id, key_id, wrapped_key, batch, first_record, last_record, payload_bytes, use_sequence,
       lease_seconds, expired, use_floor, batch_floor
  FROM chancery.lease_acquire($1, $2, $3, $4)
