-- $1 run, $2 chunk
SELECT chancery.run_seed_chunk($1, $2)
