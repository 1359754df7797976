-- Logins whose run is not in the ledger any more, or has been complete for so long that no signer of it is left.
SELECT l.name::text AS name
  FROM chancery.logins l
  LEFT JOIN chancery.runs r ON r.id = l.run_id
 WHERE r.id IS NULL OR r.completed_at < clock_timestamp() - interval '5 minutes'
 ORDER BY l.name
