-- $1 first record, $2 last record that the part may reach, $3 bytes of payload in a part,
-- $4 the run's uid
--
-- For batches that are larger than one part; the others are read by records_fetch, which says why the run's own
-- partition takes the place of chancery.records, why the run is looked up, and what is waited for.
--
-- The part ends before the record with which it would exceed its bytes. Its first record belongs to it, whatever
-- that record's size is. octet_length reads the length from the row itself: a payload that is stored out of line
-- is read only if it belongs to the part.
WITH durable AS MATERIALIZED (
    SELECT chancery.leases_durable($4) AS is_there
)
SELECT part.payload, part.record
  FROM durable, (
        SELECT r.record, r.payload,
               sum(octet_length(r.payload)) OVER (ORDER BY r.record ROWS UNBOUNDED PRECEDING) AS bytes
          FROM chancery.records r
         WHERE r.record BETWEEN $1 AND $2) part
 WHERE durable.is_there AND (part.bytes <= $3 OR part.record = $1)
 ORDER BY part.record
