-- $1 run, $2 first record, $3 last record
--
-- The leaves of lib/statement/src/leaf.rs, one straight after the other: so they are all that has to leave the server.
-- Each field stands after its length; 0x00 before them all tells a leaf from a node.
SELECT count(*) AS records,
       coalesce(string_agg(sha256(
           '\x00'::bytea
           || '\x00000013'::bytea || 'chancery/payload/v1'::bytea
           || '\x00000008'::bytea || int8send(r.record)
           || int4send(octet_length(r.payload)) || r.payload), ''::bytea ORDER BY r.record), ''::bytea) AS leaves
  FROM chancery.records r
 WHERE r.run_id = $1 AND r.record BETWEEN $2 AND $3
