-- $1: keys, $2: bytes of the signatures of a batch
WITH keys AS (INSERT INTO bare.keys (id) SELECT generate_series(1, $1::integer))
INSERT INTO bare.sample (signatures)
SELECT substring(string_agg(sha256(int4send(i)), ''::bytea) FOR $2::integer) FROM generate_series(1, $2::integer / 32 + 1) AS i
