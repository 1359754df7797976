-- $1 runs
--
-- Batches are first leased in ascending order. So every batch above the highest that has a live
-- lease is unsigned, and below it only what the index of pending batches holds is not signed: the
-- cost goes with the number of batches in hand, not with the size of the run.
SELECT r.id,
       coalesce(r.record_count, g.record_count) AS record_count,
       k.key_count,
       a.records AS records_admitted,
       a.batches AS batches_closed,
       (SELECT count(*) FROM chancery.keys y WHERE y.keyring_id = r.keyring_id) AS keys_joined,
       front.batch - pending.batches AS batches_signed,
       front.last_record - pending.records AS records_signed,
       open.leases AS batches_leased,
       open.keys AS keys_leased,
       r.suspended,
       extract(epoch FROM r.lease_duration)::double precision AS lease_seconds,
       k.filled_at IS NOT NULL AS filled,
       r.sealed_at IS NOT NULL AS sealed,
       r.completed_at IS NOT NULL AS complete,
       r.deleted_at IS NOT NULL AS deleted
  FROM chancery.runs r
  JOIN chancery.keyrings k ON k.id = r.keyring_id
  JOIN chancery.admissions a ON a.run_id = r.id
  JOIN chancery.generated_sources g ON g.run_id = r.id
 CROSS JOIN LATERAL (
        SELECT coalesce(max(l.batch), 0) AS batch FROM chancery.leases l
         WHERE l.run_id = r.id AND (l.outcome IS NULL OR l.outcome = 'signed')) leased
 CROSS JOIN LATERAL (
        SELECT leased.batch, coalesce((SELECT b.last_record FROM chancery.batches b
                                        WHERE b.run_id = r.id AND b.batch = leased.batch), 0) AS last_record) front
 CROSS JOIN LATERAL (
        SELECT count(*) AS batches, coalesce(sum(b.last_record - b.first_record + 1), 0)::bigint AS records
          FROM chancery.batches b
         WHERE b.run_id = r.id AND b.state <> 'signed' AND b.batch <= front.batch) pending
 CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE l.outcome IS NULL AND l.run_id = r.id) AS leases,
               count(*) FILTER (WHERE l.outcome IS NULL) AS keys
          FROM chancery.leases l
         WHERE l.keyring_id = r.keyring_id AND l.released_at IS NULL) open
 WHERE r.id = ANY ($1)
 ORDER BY r.id
