-- $1 run
--
-- Whoever has a source or a split of the run in hand, or something that waits to be judged.
SELECT s.holder FROM chancery.sources s WHERE s.run_id = $1 AND s.listed_at IS NULL AND s.holder IS NOT NULL
UNION
SELECT t.holder FROM chancery.splits t WHERE t.run_id = $1 AND t.done_at IS NULL AND t.holder IS NOT NULL
UNION
SELECT p.holder FROM chancery.pendings p WHERE p.run_id = $1 AND p.holder IS NOT NULL
