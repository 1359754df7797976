-- $1 runs
--
-- Of a run with sources that is not sealed yet, nobody knows how many records it will have: those that it has count.
--
-- Every batch of a complete run is signed. The others are looked at run by run: see run_signed.
SELECT r.id,
       coalesce(r.record_count, g.record_count, a.records) AS record_count,
       k.key_count,
       a.records AS records_admitted,
       a.batches AS batches_closed,
       (SELECT count(*) FROM chancery.keys y WHERE y.keyring_id = r.keyring_id) AS keys_joined,
       CASE WHEN r.completed_at IS NULL THEN signed.batches ELSE a.batches END AS batches_signed,
       CASE WHEN r.completed_at IS NULL THEN signed.records ELSE a.batched END AS records_signed,
       chancery.run_bytes(
           coalesce(r.record_count, g.record_count, a.records) - a.records,
           CASE WHEN r.completed_at IS NULL THEN coalesce(r.record_count, g.record_count, a.records) - signed.records ELSE 0 END,
           coalesce(g.record_size, 0), r.batch_size, chancery.signature_bytes(k.algorithm, k.key_size, k.envelope))::bigint AS bytes_to_come,
       open.leases AS batches_leased,
       open.keys AS keys_leased,
       r.suspended OR r.too_many_dead AS suspended,
       r.too_many_dead,
       i.received, i.admitted, i.duplicates, i.dead, i.rejected, i.pending, i.flagged, i.alerts, i.dead_limit, i.held,
       extract(epoch FROM r.lease_duration)::double precision AS lease_seconds,
       k.filled_at IS NOT NULL AS filled,
       r.sealed_at IS NOT NULL AS sealed,
       r.completed_at IS NOT NULL AS complete,
       (extract(epoch FROM r.created_at) * 1000000)::bigint AS created_micros,
       (extract(epoch FROM r.completed_at) * 1000000)::bigint AS completed_micros,
       r.deleted_at IS NOT NULL AS deleted,
       coalesce(d.kek_fingerprint, 'none: the keyring has lost its data key') AS kek_fingerprint,
       s.owner_uid AS secret_owner, s.name AS secret_name, s.content AS secret_content,
       s.made_at IS NOT NULL AS secret_made,
       t.owner_uid AS intake_secret_owner, t.name AS intake_secret_name, t.content AS intake_secret_content,
       t.made_at IS NOT NULL AS intake_secret_made,
       u.owner_uid AS delivery_secret_owner, u.name AS delivery_secret_name, u.content AS delivery_secret_content,
       u.made_at IS NOT NULL AS delivery_secret_made
  FROM chancery.runs r
  JOIN chancery.keyrings k ON k.id = r.keyring_id
  LEFT JOIN chancery.data_keys d ON d.keyring_id = k.id
  LEFT JOIN chancery.run_secrets s ON s.run_id = r.id AND s.work = 'Sign'
  LEFT JOIN chancery.run_secrets t ON t.run_id = r.id AND t.work = 'Admit'
  LEFT JOIN chancery.run_secrets u ON u.run_id = r.id AND u.work = 'Deliver'
  JOIN chancery.admissions a ON a.run_id = r.id
  LEFT JOIN chancery.generated_sources g ON g.run_id = r.id
  LEFT JOIN chancery.intakes i ON i.run_id = r.id
 CROSS JOIN LATERAL chancery.run_signed(CASE WHEN r.completed_at IS NULL THEN r.id END) signed
 CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE l.outcome IS NULL AND l.run_id = r.id) AS leases,
               count(*) FILTER (WHERE l.outcome IS NULL) AS keys
          FROM chancery.leases l
         WHERE l.keyring_id = r.keyring_id AND l.released_at IS NULL) open
 WHERE r.id = ANY ($1)
 ORDER BY r.id
