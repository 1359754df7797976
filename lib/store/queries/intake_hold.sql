-- $1 run, $2 why nothing is admitted for now; null lets it go on
UPDATE chancery.intakes SET held = $2 WHERE run_id = $1 AND held IS DISTINCT FROM $2
