-- $1 run
SELECT least(count(c.chunk) * g.chunk_size, g.record_count)
  FROM chancery.generated_sources g
  LEFT JOIN chancery.generated_chunks c ON c.run_id = g.run_id
 WHERE g.run_id = $1
 GROUP BY g.run_id
