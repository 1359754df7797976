-- $1 run, $2 how the reason begins of an arrival that stands for all that was left of its object
--
-- The objects that changed while they were read: how many splits that were, and what is said of the last one.
SELECT count(*) AS splits, (array_agg(s.name ORDER BY t.done_at DESC))[1] AS source,
       (array_agg(a.reason ORDER BY t.done_at DESC))[1] AS reason
  FROM chancery.splits t
  JOIN chancery.sources s ON s.run_id = t.run_id AND s.source = t.source
 CROSS JOIN LATERAL (
        SELECT r.state, r.reason FROM chancery.arrivals r
         WHERE r.run_id = t.run_id AND r.source = t.source AND r.split = t.split
         ORDER BY r.position DESC LIMIT 1) a
 WHERE t.run_id = $1 AND t.dead > 0 AND t.done_at IS NOT NULL AND a.state = 'Dead' AND starts_with(a.reason, $2)
