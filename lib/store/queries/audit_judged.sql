-- $1 run, $2 how many of a kind at the most
--
-- What does not fit together of what a policy said of the arrivals of a run: a sentence each, and the number of the record that it is
-- about, or 0. Whether the policy says so is for whoever evaluates it again.
WITH run AS (
    SELECT r.id, r.policy_hash, p.hash, i.flagged, i.alerts, i.idempotency FROM chancery.runs r
      LEFT JOIN chancery.policies p ON p.hash = r.policy_hash
      LEFT JOIN chancery.intakes i ON i.run_id = r.id
     WHERE r.id = $1
), arrivals AS (
    SELECT r.source, r.split, r.position FROM chancery.records r JOIN run ON run.policy_hash IS NOT NULL WHERE r.run_id = $1
    UNION ALL
    SELECT a.source, a.split, a.position FROM chancery.arrivals a JOIN run ON run.policy_hash IS NOT NULL WHERE a.run_id = $1
    UNION ALL
    SELECT p.source, p.split, p.position FROM chancery.pendings p JOIN run ON run.policy_hash IS NOT NULL WHERE p.run_id = $1
)
(SELECT 0::bigint AS number, format('the policy %s of the run is not in the ledger', encode(run.policy_hash, 'hex')) AS sentence
   FROM run WHERE run.policy_hash IS NOT NULL AND run.hash IS NULL)
UNION ALL
(SELECT 0, format('the text of the policy %s has another SHA-256', encode(p.hash, 'hex'))
   FROM run JOIN chancery.policies p ON p.hash = run.policy_hash WHERE sha256(convert_to(p.text, 'UTF8')) <> p.hash)
UNION ALL
(SELECT 0, format('the arrival at position %s of split %s of source %s is refused by the rule %s, and the run has no policy',
                  a.position, a.split, a.source, a.rule)
   FROM run JOIN chancery.arrivals a ON a.run_id = $1
  WHERE run.policy_hash IS NULL AND (a.rule IS NOT NULL OR a.state = 'Rejected') LIMIT $2)
UNION ALL
(SELECT 0, format('the arrival at position %s of split %s of source %s %s, and the run has no policy', o.position, o.split, o.source, o.does)
   FROM run JOIN (SELECT p.source, p.split, p.position, 'waits to be judged' AS does FROM chancery.pendings p WHERE p.run_id = $1
                  UNION ALL
                  SELECT w.source, w.split, w.position, 'has answers of others' FROM chancery.answers w WHERE w.run_id = $1) o
     ON run.policy_hash IS NULL LIMIT $2)
UNION ALL
-- What was answered before a dead letter was taken up again stays, whatever became of it then.
(SELECT 0, format('the arrival at position %s of split %s of source %s has answers of others, and is %s', w.position, w.split, w.source,
                  CASE WHEN p.source IS NULL THEN 'neither a record nor refused' ELSE 'not judged yet' END)
   FROM chancery.answers w
   LEFT JOIN chancery.pendings p ON p.run_id = $1 AND p.source = w.source AND p.split = w.split AND p.position = w.position
   LEFT JOIN chancery.records r ON r.run_id = $1 AND r.source = w.source AND r.split = w.split AND r.position = w.position
   LEFT JOIN chancery.arrivals a ON a.run_id = $1 AND a.source = w.source AND a.split = w.split AND a.position = w.position
                                AND a.state <> 'Duplicate'
  WHERE w.run_id = $1 AND (p.letter <= w.letter OR p.source IS NULL AND r.record IS NULL AND a.source IS NULL)
    AND NOT EXISTS (SELECT FROM chancery.letter_moves m
                     WHERE m.run_id = $1 AND m.source = w.source AND m.split = w.split AND m.position = w.position
                       AND m.attempt > w.letter AND m.became IS NOT NULL) LIMIT $2)
UNION ALL
(SELECT 0, format('the arrival at position %s of split %s of source %s has answers of attempt %s of a dead letter, which is none that was judged anew',
                  w.position, w.split, w.source, w.letter)
   FROM chancery.answers w
  WHERE w.run_id = $1 AND w.letter > 0
    AND NOT EXISTS (SELECT FROM chancery.letter_moves m
                     WHERE m.run_id = $1 AND m.source = w.source AND m.split = w.split AND m.position = w.position
                       AND m.attempt = w.letter AND m.judged_at IS NOT NULL AND m.became IS NOT NULL) LIMIT $2)
UNION ALL
-- Whoever pushed it is told this number.
(SELECT coalesce(w.record, r.record),
        format('the arrival at position %s of split %s of source %s is %s by its answers, and is %s', w.position, w.split, w.source,
               coalesce('record ' || w.record, 'no record'), coalesce('record ' || r.record, 'none'))
   FROM chancery.answers w
   JOIN chancery.sources s ON s.run_id = $1 AND s.source = w.source
   LEFT JOIN chancery.records r ON r.run_id = $1 AND r.source = w.source AND r.split = w.split AND r.position = w.position
  WHERE w.run_id = $1
    AND (w.record <> r.record OR w.record IS NOT NULL AND r.record IS NULL
         OR s.description ? 'http' AND w.record IS NULL AND r.record IS NOT NULL
            AND NOT EXISTS (SELECT FROM chancery.letter_moves m
                             WHERE m.run_id = $1 AND m.source = w.source AND m.split = w.split AND m.position = w.position
                               AND m.attempt > w.letter)) LIMIT $2)
UNION ALL
(SELECT 0, format('the arrival at position %s of split %s of source %s is rejected, and its bytes have another SHA-256',
                  a.position, a.split, a.source)
   FROM chancery.arrivals a
  WHERE a.run_id = $1 AND a.state = 'Rejected' AND a.raw IS NOT NULL AND sha256(a.raw) IS DISTINCT FROM a.digest LIMIT $2)
UNION ALL
(SELECT f.record, format('record %s is flagged, and %s', f.record,
                         CASE WHEN r.record IS NULL THEN 'does not exist' ELSE 'the run has no policy' END)
   FROM run JOIN chancery.flags f ON f.run_id = $1
   LEFT JOIN chancery.records r ON r.run_id = $1 AND r.record = f.record
  WHERE r.record IS NULL OR run.policy_hash IS NULL LIMIT $2)
UNION ALL
(SELECT l.record, format('there is an alert about record %s, and %s', l.record,
                         CASE WHEN r.record IS NULL THEN 'it does not exist' ELSE 'the run has no policy' END)
   FROM run JOIN chancery.alerts l ON l.run_id = $1
   LEFT JOIN chancery.records r ON r.run_id = $1 AND r.record = l.record
  WHERE r.record IS NULL OR run.policy_hash IS NULL LIMIT $2)
UNION ALL
(SELECT o.record, format('record %s was enriched, and %s', o.record,
                         CASE WHEN r.record IS NULL THEN 'does not exist' WHEN run.policy_hash IS NULL THEN 'the run has no policy'
                              ELSE 'is not known by what it was before' END)
   FROM run JOIN chancery.originals o ON o.run_id = $1
   LEFT JOIN chancery.records r ON r.run_id = $1 AND r.record = o.record
  WHERE r.record IS NULL OR run.policy_hash IS NULL
     OR run.idempotency = 'Content' AND r.identity IS DISTINCT FROM sha256(o.payload) LIMIT $2)
UNION ALL
(SELECT o.record, format('record %s is found by another digest than it has', o.record)
   FROM chancery.originals o JOIN chancery.records r ON r.run_id = $1 AND r.record = o.record
  WHERE o.run_id = $1 AND o.digest IS DISTINCT FROM r.digest LIMIT $2)
UNION ALL
-- One that came as it is, in a call of which others were enriched.
(SELECT r.record, format('record %s is not known by its payload, and was not enriched', r.record)
   FROM run JOIN chancery.records r ON r.run_id = $1
   LEFT JOIN chancery.originals o ON o.run_id = $1 AND o.record = r.record
  WHERE run.policy_hash IS NOT NULL AND run.idempotency = 'Content' AND o.record IS NULL AND r.identity IS DISTINCT FROM r.digest
    AND r.identity IS NOT NULL LIMIT $2)
UNION ALL
(SELECT 0, format('the run says that %s records are flagged and %s alerts raised, there are %s and %s',
                  run.flagged, run.alerts, f.flagged, l.alerts)
   FROM run
  CROSS JOIN (SELECT count(*) AS flagged FROM chancery.flags WHERE run_id = $1) f
  CROSS JOIN (SELECT count(*) AS alerts FROM chancery.alerts WHERE run_id = $1) l
  WHERE (run.flagged, run.alerts) IS DISTINCT FROM (f.flagged, l.alerts) AND run.flagged IS NOT NULL)
UNION ALL
(SELECT 0, format('nothing says by which instant the arrivals of split %s of source %s from position %s on were judged',
                  a.split, a.source, min(a.position))
   FROM arrivals a
   LEFT JOIN (SELECT j.source, j.split, min(j.position) AS first FROM chancery.judgements j WHERE j.run_id = $1 GROUP BY j.source, j.split) j
     ON j.source = a.source AND j.split = a.split
  WHERE j.first IS NULL OR a.position < j.first
  GROUP BY a.source, a.split LIMIT $2)
