-- $1 run, $2 name of the Secret
UPDATE chancery.run_secrets s SET made_at = now() WHERE s.run_id = $1 AND s.name = $2
