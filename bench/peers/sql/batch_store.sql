-- $1: first record, $2: batch, $3: key, $4: signatures. All of them, or an error.
WITH stored AS (
    INSERT INTO work.signatures (record, key, signature)
    SELECT $1::bigint + s.place - 1, $3::integer, s.signature
      FROM unnest($4::bytea[]) WITH ORDINALITY AS s (signature, place)
    RETURNING 1)
INSERT INTO work.uses (batch, key, taken_at, stored_at)
SELECT $2::bigint, k.id, k.taken_at, clock_timestamp()
  FROM work.keys k WHERE k.id = $3::integer AND (SELECT count(*) FROM stored) = cardinality($4::bytea[])
