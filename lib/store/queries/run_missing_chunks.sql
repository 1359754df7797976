-- $1 run, $2 least chunk, $3 how many at the most
SELECT wanted.chunk
  FROM chancery.runs r,
       generate_series($2, (r.record_count + r.seed_chunk - 1) / r.seed_chunk) AS wanted (chunk)
 WHERE r.id = $1
   AND NOT EXISTS (SELECT FROM chancery.seed_chunks c WHERE c.run_id = $1 AND c.chunk = wanted.chunk)
 ORDER BY wanted.chunk
 LIMIT $3
