-- $1 runs
--
-- The last error is that of the split that has failed most often, unless the listing fails.
SELECT s.run_id, s.name, s.listed_at IS NOT NULL AS listed,
       t.splits, t.splits_done, t.received, t.admitted, t.duplicates, t.dead, t.rejected, t.pending,
       greatest(s.attempts, t.attempts) AS attempts,
       coalesce(s.last_error, e.last_error) AS last_error
  FROM chancery.sources s
 CROSS JOIN LATERAL (
        SELECT count(*) AS splits, count(p.done_at) AS splits_done,
               coalesce(sum(p.received), 0)::bigint AS received, coalesce(sum(p.admitted), 0)::bigint AS admitted,
               coalesce(sum(p.duplicates), 0)::bigint AS duplicates, coalesce(sum(p.dead), 0)::bigint AS dead,
               coalesce(sum(p.rejected), 0)::bigint AS rejected, coalesce(sum(p.pending), 0)::bigint AS pending,
               coalesce(max(p.attempts) FILTER (WHERE p.done_at IS NULL), 0) AS attempts
          FROM chancery.splits p WHERE p.run_id = s.run_id AND p.source = s.source) t
  LEFT JOIN LATERAL (
        SELECT p.last_error FROM chancery.splits p
         WHERE p.run_id = s.run_id AND p.source = s.source AND p.done_at IS NULL AND p.last_error IS NOT NULL
         ORDER BY p.attempts DESC, p.split LIMIT 1) e ON true
 WHERE s.run_id = ANY ($1)
 ORDER BY s.run_id, s.source
