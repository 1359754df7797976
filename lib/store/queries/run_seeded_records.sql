-- $1 run
SELECT least(count(c.chunk) * r.seed_chunk, r.record_count)
  FROM chancery.runs r
  LEFT JOIN chancery.seed_chunks c ON c.run_id = r.id
 WHERE r.id = $1
 GROUP BY r.id
