-- $1 run
--
-- How far each source of a run is read. Splits are numbered without a gap, so the number of the last one is how many there
-- are; of those that are left, no more than 10,000 are looked at.
SELECT s.name,
       s.listed_at IS NOT NULL AS listed,
       CASE WHEN s.listed_at IS NULL THEN 0 ELSE coalesce((
           SELECT max(t.split) FROM chancery.splits t WHERE t.run_id = s.run_id AND t.source = s.source), 0) END::bigint AS splits,
       coalesce(o.splits, 0) AS splits_left,
       o.split AS at_split, o.position AS at_position,
       CASE WHEN s.listed_at IS NULL THEN CASE WHEN s.attempts > 0 THEN s.last_error END ELSE o.last_error END AS last_error
  FROM chancery.sources s
  LEFT JOIN LATERAL (
        SELECT count(*) AS splits, (array_agg(w.split ORDER BY w.split))[1] AS split,
               (array_agg(w.position ORDER BY w.split))[1] AS position,
               (array_agg(w.last_error ORDER BY w.split) FILTER (WHERE w.attempts > 0))[1] AS last_error
          FROM (SELECT t.split, t.position, t.attempts, t.last_error FROM chancery.splits t
                 WHERE t.run_id = s.run_id AND t.source = s.source AND t.done_at IS NULL
                 ORDER BY t.split LIMIT 10000) w) o ON s.listed_at IS NOT NULL
 WHERE s.run_id = $1
 ORDER BY s.source
