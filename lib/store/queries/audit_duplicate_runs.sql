-- $1 run
--
-- The runs of which it has duplicates, as far as they are in the ledger: what was deleted since has left its number only.
SELECT o.id FROM chancery.runs o
 WHERE o.deleted_at IS NULL AND o.id IN (SELECT DISTINCT a.duplicate_run FROM chancery.arrivals a WHERE a.run_id = $1)
 ORDER BY o.id
