-- $1 run, $2 first batch, $3 last batch
SELECT b.batch, b.first_record, b.last_record, b.state::text AS state, b.lease_id,
       l.id IS NOT NULL AND l.run_id = b.run_id AND l.batch = b.batch
           AND coalesce(l.outcome::text, 'open') = CASE b.state::text WHEN 'signed' THEN 'signed' ELSE 'open' END
           AS lease_fits
  FROM chancery.batches b
  LEFT JOIN chancery.leases l ON l.id = b.lease_id
 WHERE b.run_id = $1 AND b.batch BETWEEN $2 AND $3
 ORDER BY b.batch
