-- $1 run, $2 first record, $3 last record
--
-- As in payload_leaves.sql.
SELECT count(*) AS records,
       coalesce(string_agg(sha256(
           '\x00'::bytea
           || '\x00000015'::bytea || 'chancery/signature/v1'::bytea
           || '\x00000008'::bytea || int8send(s.record)
           || int4send(octet_length(s.signature)) || s.signature
           || '\x00000008'::bytea || int8send(s.lease_id)), ''::bytea ORDER BY s.record), ''::bytea) AS leaves
  FROM chancery.signatures s
 WHERE s.run_id = $1 AND s.record BETWEEN $2 AND $3
