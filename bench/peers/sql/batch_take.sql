-- The next batch that no transaction holds, until the end of this one.
SELECT batch FROM work.batches WHERE NOT signed ORDER BY batch LIMIT 1 FOR UPDATE SKIP LOCKED
