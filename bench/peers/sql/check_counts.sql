-- $1: records, $2: records a batch. What is wrong with the stored signatures and uses, in numbers.
SELECT (SELECT count(*) FROM work.signatures) AS signatures,
       (SELECT count(*) FROM work.signatures WHERE record NOT BETWEEN 1 AND $1::bigint) AS strays,
       (SELECT count(*) FROM work.signatures s LEFT JOIN work.uses u ON u.batch = (s.record - 1) / $2::bigint + 1
         WHERE u.key IS DISTINCT FROM s.key) AS of_another_key,
       (SELECT count(*) FROM (
            SELECT taken_at, max(stored_at) OVER (
                PARTITION BY key ORDER BY taken_at, stored_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS free_at
              FROM work.uses) AS u
         WHERE u.taken_at < u.free_at) AS overlaps
