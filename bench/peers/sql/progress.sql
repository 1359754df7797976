-- Seconds since the first key was taken; seconds from then to the last batch stored; and batches.
SELECT extract(epoch FROM clock_timestamp() - min(taken_at))::float8 AS age,
       extract(epoch FROM max(stored_at) - min(taken_at))::float8 AS seconds,
       count(*) AS batches
  FROM work.uses
