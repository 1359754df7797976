-- $1 run, $2 most dead letters, $3 seconds for which they are kept
WITH intake AS (
    UPDATE chancery.intakes
       SET dead_limit = $2, dead_retention = make_interval(secs => $3),
           sweep_at = CASE WHEN sweep_at IS NOT NULL THEN clock_timestamp() END
     WHERE run_id = $1
    RETURNING run_id, dead > dead_limit AS too_many
)
UPDATE chancery.runs r SET too_many_dead = i.too_many FROM intake i WHERE r.id = i.run_id
