-- $1 run, $2 and $3: of so many refusals, about the one that leaves that rest
--
-- What a policy refused, as long as its bytes are there.
SELECT s.name AS source, s.description ? 'http' AS pushed, a.split, a.position, a.state::text AS state, a.rule, a.reason, a.raw,
       -- What was taken up again was judged by its own instant, the last time.
       floor(extract(epoch FROM coalesce(
           (SELECT m.judged_at FROM chancery.letter_moves m
             WHERE m.run_id = $1 AND m.source = a.source AND m.split = a.split AND m.position = a.position AND m.judged_at IS NOT NULL
             ORDER BY m.attempt DESC LIMIT 1),
           (SELECT j.judged_at FROM chancery.judgements j
             WHERE j.run_id = $1 AND j.source = a.source AND j.split = a.split AND j.position <= a.position
             ORDER BY j.position DESC LIMIT 1))) * 1000000)::bigint AS judged_at,
       w.answers, w.attempts
  FROM chancery.arrivals a
  JOIN chancery.sources s ON s.run_id = a.run_id AND s.source = a.source
  -- Likewise by the answers of that time.
  LEFT JOIN LATERAL (
       SELECT w.answers, w.attempts FROM chancery.answers w
        WHERE w.run_id = $1 AND w.source = a.source AND w.split = a.split AND w.position = a.position
          AND w.letter = coalesce((SELECT max(m.attempt) FROM chancery.letter_moves m
                                    WHERE m.run_id = $1 AND m.source = a.source AND m.split = a.split AND m.position = a.position
                                      AND m.judged_at IS NOT NULL), 0)) w ON true
 WHERE a.run_id = $1 AND a.rule IS NOT NULL AND a.raw IS NOT NULL AND (hashint8(a.position) & 2147483647) % $2 = $3
