-- $1 run, $2 suspended, $3 lease duration in seconds, $4 most dead letters and $5 seconds for which they are kept, or null
--
-- A run that has no more dead letters than it now may have goes on.
WITH intake AS (
    UPDATE chancery.intakes
       SET dead_limit = coalesce($4, dead_limit), dead_retention = coalesce(make_interval(secs => $5), dead_retention)
     WHERE run_id = $1
    RETURNING dead > dead_limit AS too_many
)
UPDATE chancery.runs
   SET suspended = $2, lease_duration = make_interval(secs => $3),
       too_many_dead = coalesce((SELECT i.too_many FROM intake i), false)
 WHERE id = $1
