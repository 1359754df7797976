-- $1 run, $2 tree, $3 number of the first batch, $4 the roots of consecutive batches
--
-- The run's row is held, so that no root is kept of a run that is being removed. Whoever keeps the same roots at the
-- same time has computed the same.
INSERT INTO chancery.batch_roots (run_id, tree, batch, root)
SELECT r.id, $2::chancery.batch_tree, $3 + s.position - 1, s.root
  FROM (SELECT id FROM chancery.runs WHERE id = $1 AND deleted_at IS NULL FOR KEY SHARE) r,
       unnest($4::bytea[]) WITH ORDINALITY AS s (root, position)
    ON CONFLICT DO NOTHING
