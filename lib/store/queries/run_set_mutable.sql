-- $1 run, $2 suspended, $3 lease duration in seconds
UPDATE chancery.runs
   SET suspended = $2, lease_duration = make_interval(secs => $3)
 WHERE id = $1
