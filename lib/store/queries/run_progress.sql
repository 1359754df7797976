-- $1 runs
--
-- Batches are first leased in ascending order. So every batch above the highest that has a live
-- lease is unsigned, and below it only what the index of pending batches holds is not signed: the
-- cost goes with the number of batches in hand, not with the size of the run.
SELECT r.id,
       r.record_count,
       r.batch_count,
       r.key_count,
       CASE WHEN r.seeded_at IS NOT NULL THEN r.record_count
            ELSE (SELECT least(count(*) * r.seed_chunk, r.record_count)
                    FROM chancery.seed_chunks c WHERE c.run_id = r.id) END AS records_seeded,
       CASE WHEN r.seeded_at IS NOT NULL THEN r.key_count::bigint
            ELSE (SELECT count(*) FROM chancery.keys k WHERE k.keyring_id = r.keyring_id) END AS keys_seeded,
       front.batch - pending.batches AS batches_signed,
       least(front.batch * r.batch_size, r.record_count) - pending.records AS records_signed,
       open.leases AS batches_leased,
       open.keys AS keys_leased,
       r.suspended,
       extract(epoch FROM r.lease_duration)::double precision AS lease_seconds,
       r.seeded_at IS NOT NULL AS seeded,
       r.completed_at IS NOT NULL AS complete,
       r.deleted_at IS NOT NULL AS deleted
  FROM chancery.runs r
 CROSS JOIN LATERAL (
        SELECT coalesce(max(l.batch), 0) AS batch FROM chancery.leases l
         WHERE l.run_id = r.id AND (l.outcome IS NULL OR l.outcome = 'signed')) front
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
