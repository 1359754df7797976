-- $1 run
--
-- Seconds from the first lease to the last stored batch, and how many leases ran out or were given back.
SELECT extract(epoch FROM max(l.signed_at) - min(l.acquired_at))::double precision AS signing_seconds,
       count(*) FILTER (WHERE l.outcome = 'expired') AS expired,
       count(*) FILTER (WHERE l.outcome = 'abandoned') AS abandoned,
       count(DISTINCT l.holder) FILTER (WHERE l.outcome = 'signed') AS holders
  FROM chancery.leases l
 WHERE l.run_id = $1
