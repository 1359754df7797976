-- $1 run, $2 tree, $3 the batch before the first that is wanted, $4 how many at the most
SELECT b.batch, b.root FROM chancery.batch_roots b
 WHERE b.run_id = $1 AND b.tree = $2::chancery.batch_tree AND b.batch > $3
 ORDER BY b.batch LIMIT $4
