-- $1 runs
SELECT n.run_id, n.name, n.told, n.dead, n.failures,
       (extract(epoch FROM n.unavailable_since) * 1000000)::bigint AS unavailable_micros, n.last_error
  FROM chancery.notifications n
 WHERE n.run_id = ANY ($1)
 ORDER BY n.run_id, n.notification
