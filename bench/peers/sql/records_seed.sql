-- $1: records. Payloads of 256 bytes.
INSERT INTO work.records (record, payload)
SELECT r, (SELECT string_agg(sha256(int8send(r) || int4send(i)), ''::bytea) FROM generate_series(1, 8) AS i)
  FROM generate_series(1, $1::bigint) AS r
