-- $1 run, $2 its keyring, $3 how many of a kind at the most
--
-- What does not add up among the arrivals of a run with sources: a sentence each, and the number of the record that it
-- is about, or 0.
WITH arrivals AS (
    SELECT r.source, r.split, r.position, 'Admitted' AS state FROM chancery.records r WHERE r.run_id = $1
    UNION ALL
    SELECT a.source, a.split, a.position, a.state::text FROM chancery.arrivals a WHERE a.run_id = $1
    UNION ALL
    SELECT p.source, p.split, p.position, 'Pending' FROM chancery.pendings p WHERE p.run_id = $1
), counted AS (
    SELECT a.source, a.split, min(a.position) AS least, max(a.position) AS most, count(*) AS received,
           count(*) FILTER (WHERE a.state = 'Admitted') AS admitted,
           count(*) FILTER (WHERE a.state = 'Duplicate') AS duplicates,
           count(*) FILTER (WHERE a.state = 'Dead') AS dead, count(*) FILTER (WHERE a.state = 'Rejected') AS rejected,
           count(*) FILTER (WHERE a.state = 'Pending') AS pending
      FROM arrivals a GROUP BY a.source, a.split
), intake AS (
    SELECT i.*, r.sealed_at IS NOT NULL AS sealed, r.policy_hash IS NOT NULL AS judged FROM chancery.intakes i JOIN chancery.runs r ON r.id = i.run_id
     WHERE i.run_id = $1
)
(SELECT 0::bigint AS number,
        format('split %s of source %s says that %s arrivals are %s records, %s duplicates, %s dead letters and %s rejected, there are %s, %s, %s and %s',
               coalesce(s.split, c.split), coalesce(s.source, c.source), s.received, s.admitted, s.duplicates, s.dead, s.rejected,
               coalesce(c.admitted, 0), coalesce(c.duplicates, 0), coalesce(c.dead, 0), coalesce(c.rejected, 0)) AS sentence
   FROM (SELECT * FROM chancery.splits WHERE run_id = $1) s
   FULL JOIN counted c ON c.source = s.source AND c.split = s.split
  WHERE (s.received - s.pending, s.admitted, s.duplicates, s.dead, s.rejected)
        IS DISTINCT FROM (coalesce(c.received - c.pending, 0), coalesce(c.admitted, 0), coalesce(c.duplicates, 0), coalesce(c.dead, 0),
                          coalesce(c.rejected, 0))
  LIMIT $3)
UNION ALL
(SELECT 0, format('split %s of source %s says that %s arrivals wait to be judged, there are %s', coalesce(s.split, c.split),
                  coalesce(s.source, c.source), coalesce(s.pending, 0), coalesce(c.pending, 0))
   FROM (SELECT * FROM chancery.splits WHERE run_id = $1) s
   FULL JOIN counted c ON c.source = s.source AND c.split = s.split
  WHERE coalesce(s.pending, 0) <> coalesce(c.pending, 0) LIMIT $3)
UNION ALL
(SELECT 0, format('split %s of source %s is read from %s up to %s, and has arrivals from %s up to %s',
                  s.split, s.source, s.start, s.position, c.least, c.most)
   FROM chancery.splits s JOIN counted c ON c.source = s.source AND c.split = s.split
  WHERE s.run_id = $1 AND (c.least < s.start OR c.most >= s.position) LIMIT $3)
UNION ALL
(SELECT 0, format('split %s of source %s is pushed up to %s, and has %s arrivals', s.split, s.source, s.position, s.received)
   FROM chancery.splits s JOIN chancery.sources o ON o.run_id = s.run_id AND o.source = s.source
  WHERE s.run_id = $1 AND o.description ? 'http' AND s.received <> s.position - s.start LIMIT $3)
UNION ALL
(SELECT 0, format('%s arrivals are at position %s of split %s of source %s', count(*), a.position, a.split, a.source)
   FROM arrivals a GROUP BY a.source, a.split, a.position HAVING count(*) > 1 LIMIT $3)
UNION ALL
(SELECT o.record, format('record %s comes from before record %s in its split', o.record, o.earlier)
   FROM (SELECT r.record, r.position, lag(r.record) OVER split AS earlier, lag(r.position) OVER split AS before
           FROM chancery.records r
          -- A dead letter that became a record when it was taken up again comes when that was.
          WHERE r.run_id = $1 AND NOT EXISTS (SELECT FROM chancery.letter_moves m
                                               WHERE m.run_id = $1 AND m.source = r.source AND m.split = r.split AND m.position = r.position
                                                 AND m.became = 'Admitted')
             -- What waited became a record later than what came behind it.
             AND NOT EXISTS (SELECT FROM chancery.answers w
                              WHERE w.run_id = $1 AND w.source = r.source AND w.split = r.split AND w.position = r.position)
         WINDOW split AS (PARTITION BY r.source, r.split ORDER BY r.record)) o
  WHERE o.position < o.before LIMIT $3)
UNION ALL
(SELECT 0, format('the run has %s accounts of its arrivals instead of one', count(*)) FROM intake HAVING count(*) <> 1)
UNION ALL
SELECT 0, 'the run has sources, and generated records too'
  FROM chancery.generated_sources g WHERE g.run_id = $1
UNION ALL
(SELECT 0, format('the run says that %s arrivals are %s records, %s duplicates, %s dead letters and %s rejected, its splits say %s, %s, %s, %s and %s',
                  i.received, i.admitted, i.duplicates, i.dead, i.rejected, s.received, s.admitted, s.duplicates, s.dead, s.rejected)
   FROM intake i
  CROSS JOIN (SELECT coalesce(sum(received), 0) AS received, coalesce(sum(admitted), 0) AS admitted,
                     coalesce(sum(duplicates), 0) AS duplicates, coalesce(sum(dead), 0) AS dead,
                     coalesce(sum(rejected), 0) AS rejected
                FROM chancery.splits WHERE run_id = $1) s
  WHERE (i.received, i.admitted, i.duplicates, i.dead, i.rejected)
        IS DISTINCT FROM (s.received, s.admitted, s.duplicates, s.dead, s.rejected))
UNION ALL
(SELECT 0, format('the run says that %s arrivals wait to be judged, its splits say %s%s', i.pending, s.pending,
                  CASE WHEN i.sealed AND i.pending > 0 THEN ', and it is sealed' END)
   FROM intake i CROSS JOIN (SELECT coalesce(sum(pending), 0) AS pending FROM chancery.splits WHERE run_id = $1) s
  WHERE i.pending <> s.pending OR i.sealed AND i.pending > 0)
UNION ALL
SELECT 0, format('the run says that %s arrivals are admitted, and that it has %s records', i.admitted, a.records)
  FROM intake i JOIN chancery.admissions a ON a.run_id = i.run_id WHERE i.admitted <> a.records
UNION ALL
(SELECT 0, format('the run is sealed, and source %s was not listed', s.source)
   FROM intake i JOIN chancery.sources s ON s.run_id = i.run_id
  WHERE i.sealed AND s.listed_at IS NULL AND (i.admitted = i.record_limit) IS NOT TRUE LIMIT $3)
UNION ALL
(SELECT 0, format('the run is sealed, and split %s of source %s was not read to its end', s.split, s.source)
   FROM intake i JOIN chancery.splits s ON s.run_id = i.run_id
  WHERE i.sealed AND s.done_at IS NULL AND (i.admitted = i.record_limit) IS NOT TRUE LIMIT $3)
UNION ALL
(SELECT 0, format('the numbers of the splits of source %s are not 1 to %s', s.source, count(*))
   FROM chancery.splits s WHERE s.run_id = $1 GROUP BY s.source HAVING min(s.split) <> 1 OR max(s.split) <> count(*) LIMIT $3)
UNION ALL
(SELECT r.record, format('record %s has %s digest, and the run looks %s', r.record,
                         CASE WHEN r.digest IS NULL THEN 'no' ELSE 'a' END,
                         CASE WHEN i.idempotency = 'None' THEN 'for no duplicates' ELSE 'for duplicates' END)
   FROM intake i JOIN chancery.records r ON r.run_id = $1
  WHERE (r.digest IS NULL) <> (i.idempotency = 'None') LIMIT $3)
UNION ALL
(SELECT r.record, format('record %s has %s identity, and the run knows payloads by %s', r.record,
                         CASE WHEN r.identity IS NULL THEN 'no' ELSE 'an' END,
                         CASE WHEN i.idempotency = 'Expression' THEN 'one' ELSE 'none' END)
   FROM intake i JOIN chancery.records r ON r.run_id = $1
  WHERE (r.identity IS NULL) <> (i.idempotency <> 'Expression')
    -- What a policy enriched is known by what it was before.
    AND NOT (i.judged AND i.idempotency = 'Content') LIMIT $3)
UNION ALL
(SELECT 0, format('the arrival at position %s of split %s of source %s has %s identity, and the run knows payloads by %s',
                  a.position, a.split, a.source, CASE WHEN a.identity IS NULL THEN 'no' ELSE 'an' END,
                  CASE WHEN i.idempotency = 'Expression' THEN 'one' ELSE 'none' END)
   FROM intake i JOIN chancery.arrivals a ON a.run_id = $1
  WHERE a.state = 'Duplicate' AND (a.identity IS NULL) <> (i.idempotency <> 'Expression')
    AND NOT (i.judged AND i.idempotency = 'Content') LIMIT $3)
UNION ALL
(SELECT r.record, format('record %s is known to its ring as %s', r.record,
                         CASE WHEN d.record IS NULL THEN 'none' ELSE format('record %s of run %s', d.record, d.run_id) END)
   FROM chancery.records r LEFT JOIN chancery.digests d ON d.keyring_id = $2 AND d.digest = coalesce(r.identity, r.digest)
  WHERE r.run_id = $1 AND r.digest IS NOT NULL AND (d.run_id, d.record) IS DISTINCT FROM (r.run_id, r.record) LIMIT $3)
UNION ALL
(SELECT d.record, format('the ring knows record %s by another digest than it has', d.record)
   FROM chancery.digests d LEFT JOIN chancery.records r ON r.run_id = $1 AND r.record = d.record
  WHERE d.keyring_id = $2 AND d.run_id = $1 AND coalesce(r.identity, r.digest) IS DISTINCT FROM d.digest LIMIT $3)
UNION ALL
(SELECT 0, format('the arrival at position %s of split %s of source %s repeats record %s of run %s, and the ring knows its digest as %s',
                  a.position, a.split, a.source, a.duplicate_record, a.duplicate_run,
                  CASE WHEN d.record IS NULL THEN 'none' ELSE format('record %s of run %s', d.record, d.run_id) END)
   FROM chancery.arrivals a
   JOIN chancery.runs o ON o.id = a.duplicate_run AND o.deleted_at IS NULL
   LEFT JOIN chancery.digests d ON d.keyring_id = $2 AND d.digest = coalesce(a.identity, a.digest)
  WHERE a.run_id = $1 AND a.state = 'Duplicate'
    AND (d.run_id, d.record) IS DISTINCT FROM (a.duplicate_run, a.duplicate_record) LIMIT $3)
