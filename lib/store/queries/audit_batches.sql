-- $1 run, $2 first batch
SELECT b.batch, b.first_record, b.last_record, b.payload_bytes,
       b.closed_at < b.opened_at AS closed_early,
       NOT (isfinite(b.opened_at) AND isfinite(b.closed_at)) AS endless,
       CASE WHEN isfinite(b.opened_at) AND isfinite(b.closed_at)
            THEN (extract(epoch FROM b.closed_at - b.opened_at) * 1000000)::bigint END AS open_micros,
       b.closed_by::text AS closed_by, b.state::text AS state, b.lease_id, b.library::text AS library,
       l.id IS NOT NULL AND l.run_id = b.run_id AND l.batch = b.batch
           AND coalesce(l.outcome::text, 'open') = CASE b.state::text WHEN 'signed' THEN 'signed' ELSE 'open' END
           AS lease_fits
  FROM chancery.batches b
  LEFT JOIN chancery.leases l ON l.id = b.lease_id
 WHERE b.run_id = $1 AND b.batch >= $2
 ORDER BY b.batch
