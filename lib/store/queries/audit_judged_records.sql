-- $1 run, $2 and $3: of so many records, the one that leaves that rest; $4 bytes that a payload has at the most
--
-- Records of a run that a policy judged, and what is kept of that. Beside each other, and not joined: of a few records out of many, what
-- belongs to them is looked up.
SELECT r.record, s.name AS source, s.description ? 'http' AS pushed, r.split, r.position,
       CASE WHEN octet_length(r.payload) <= $4 THEN r.payload END AS payload,
       (SELECT o.payload FROM chancery.originals o WHERE o.run_id = $1 AND o.record = r.record) AS original,
       -- What was taken up again was judged by its own instant, the last time.
       floor(extract(epoch FROM coalesce(
           (SELECT m.judged_at FROM chancery.letter_moves m
             WHERE m.run_id = $1 AND m.source = r.source AND m.split = r.split AND m.position = r.position AND m.judged_at IS NOT NULL
             ORDER BY m.attempt DESC LIMIT 1),
           (SELECT j.judged_at FROM chancery.judgements j
             WHERE j.run_id = $1 AND j.source = r.source AND j.split = r.split AND j.position <= r.position
             ORDER BY j.position DESC LIMIT 1))) * 1000000)::bigint AS judged_at,
       w.answers, w.attempts,
       (SELECT jsonb_build_object('flagged', true, 'score', f.score, 'hits', f.hits)::text FROM chancery.flags f
         WHERE f.run_id = $1 AND f.record = r.record) AS mark,
       (SELECT jsonb_object_agg(l.rule, l.message)::text FROM chancery.alerts l WHERE l.run_id = $1 AND l.record = r.record) AS alerts
  FROM chancery.records r
  JOIN chancery.sources s ON s.run_id = r.run_id AND s.source = r.source
  -- Likewise by the answers of that time.
  LEFT JOIN LATERAL (
       SELECT w.answers, w.attempts FROM chancery.answers w
        WHERE w.run_id = $1 AND w.source = r.source AND w.split = r.split AND w.position = r.position
          AND w.letter = coalesce((SELECT max(m.attempt) FROM chancery.letter_moves m
                                    WHERE m.run_id = $1 AND m.source = r.source AND m.split = r.split AND m.position = r.position
                                      AND m.judged_at IS NOT NULL), 0)) w ON true
 WHERE r.run_id = $1 AND r.record % $2 = $3
