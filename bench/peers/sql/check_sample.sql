-- $1: every how many-th record
SELECT s.record, r.payload, s.signature, m.public_key
  FROM work.signatures s JOIN work.records r USING (record) JOIN work.key_material m USING (key)
 WHERE s.record % $1::bigint = 0 ORDER BY s.record
