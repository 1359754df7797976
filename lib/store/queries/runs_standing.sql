-- $1 runs
--
-- How far runs are, for whoever watches them: less than run_progress, and nothing that only an operator may read.
SELECT r.id,
       coalesce(i.received, a.records) AS received,
       a.records AS admitted,
       coalesce(i.duplicates, 0) AS duplicates,
       coalesce(i.dead, 0) AS dead,
       CASE WHEN r.completed_at IS NULL THEN signed.records ELSE a.batched END AS signed,
       r.suspended OR r.too_many_dead AS suspended,
       r.sealed_at IS NOT NULL AS sealed,
       r.completed_at IS NOT NULL AS complete
  FROM chancery.runs r
  JOIN chancery.admissions a ON a.run_id = r.id
  LEFT JOIN chancery.intakes i ON i.run_id = r.id
 CROSS JOIN LATERAL chancery.run_signed(CASE WHEN r.completed_at IS NULL THEN r.id END) signed
 WHERE r.id = ANY ($1) AND r.deleted_at IS NULL
 ORDER BY r.id
