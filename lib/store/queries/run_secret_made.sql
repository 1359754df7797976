-- $1 run, $2 what it is for, $3 name of the Secret
UPDATE chancery.run_secrets s SET made_at = now()
 WHERE s.run_id = $1 AND s.work = $2::chancery.login_work AND s.name = $3
