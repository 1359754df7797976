-- $1: batch
UPDATE work.batches SET signed = true WHERE batch = $1::bigint
