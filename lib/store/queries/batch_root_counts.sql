-- $1 run
--
-- Roots are made in the order of the batches: the highest number is how many there are.
SELECT coalesce((SELECT max(b.batch) FROM chancery.batch_roots b WHERE b.run_id = $1 AND b.tree = 'Payloads'), 0) AS payloads,
       coalesce((SELECT max(b.batch) FROM chancery.batch_roots b WHERE b.run_id = $1 AND b.tree = 'Signatures'), 0) AS signatures
