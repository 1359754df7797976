-- $1 run
SELECT count(*) AS batches, coalesce(sum(b.payload_bytes), 0)::bigint AS payload_bytes
  FROM chancery.batches b WHERE b.run_id = $1
