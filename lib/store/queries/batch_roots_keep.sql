-- $1 run, $2 tree, $3 number of the first batch, $4 the roots of consecutive batches
SELECT chancery.batch_roots_keep($1, $2::chancery.batch_tree, $3, $4)
