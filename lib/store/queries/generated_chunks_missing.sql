-- $1 run, $2 least chunk, $3 how many at the most
SELECT wanted.chunk
  FROM chancery.generated_sources g,
       generate_series($2, (g.record_count + g.chunk_size - 1) / g.chunk_size) AS wanted (chunk)
 WHERE g.run_id = $1
   AND NOT EXISTS (SELECT FROM chancery.generated_chunks c WHERE c.run_id = $1 AND c.chunk = wanted.chunk)
 ORDER BY wanted.chunk
 LIMIT $3
