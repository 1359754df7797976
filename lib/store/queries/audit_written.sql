-- $1 run, $2 first record, $3 last record, $4 records of the longest block: see audit_blocks.sql
--
-- As what the rows of a range are stored: where each stands, and which transaction wrote it. A row that is written again has
-- another transaction, and one that is moved another place. Payloads and signatures are not looked at.
SELECT format('records of %s', r.xmin) AS what, count(*) AS rows,
       bit_xor(hashtidextended(r.ctid, r.record)) AS places, NULL::uuid AS key_id
  FROM chancery.records r
 WHERE r.run_id = $1 AND r.record BETWEEN $2 AND $3
 GROUP BY r.xmin
UNION ALL
SELECT format('block %s of %s, %s to %s, %s bytes, lease %s of run %s %s', c.ctid, c.xmin, c.first_record, c.last_record,
              octet_length(c.signatures), c.lease_id, l.run_id, l.outcome), 1, 0, l.key_id
  FROM chancery.signature_blocks c
  LEFT JOIN chancery.leases l ON l.id = c.lease_id
 WHERE c.run_id = $1
   AND c.first_record > greatest($2, 1) - $4 AND c.first_record <= $3
   AND c.last_record >= greatest($2, c.first_record) AND c.last_record < 9223372036854775807
 ORDER BY 1, 2, 3, 4
