-- $1 run, $2 first record, $3 last record, $4 bytes of the largest block, $5 records of the longest block: the batch size, unless
-- audit_longest_block.sql knows better
--
-- The blocks of signatures that reach into a range of records, and the lease under which each was stored. The row's address
-- tells a second block from the same one beside two leases of one id. What is longer than it can be is not read: the audit
-- would have to hold it.
SELECT c.ctid::text AS place, c.first_record, c.last_record,
       CASE WHEN octet_length(c.signatures) <= $4 THEN c.signatures END AS signatures, c.lease_id,
       l.key_id, l.run_id AS lease_run, l.outcome::text AS lease_outcome
  FROM chancery.signature_blocks c
  LEFT JOIN chancery.leases l ON l.id = c.lease_id
 WHERE c.run_id = $1
   AND c.first_record > greatest($2, 1) - $5 AND c.first_record <= $3
   AND c.last_record >= greatest($2, c.first_record) AND c.last_record < 9223372036854775807
 ORDER BY c.first_record
