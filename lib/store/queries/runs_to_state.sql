-- Runs of which something can be stated now: a closed batch has no root, or a signed one, or the run is sealed and that is
-- not stated, or all its batches have roots and their signatures are not stated. By indexes, and by the tables of no run.
--
-- In the log of leases there is at most one signed lease of a batch.
SELECT r.namespace, r.name
  FROM chancery.runs r
  JOIN chancery.keyrings k ON k.id = r.keyring_id
  JOIN chancery.admissions a ON a.run_id = r.id
 CROSS JOIN LATERAL (
       SELECT coalesce((SELECT max(b.batch) FROM chancery.batch_roots b
                         WHERE b.run_id = r.id AND b.tree = 'Payloads'), 0) AS payloads,
              coalesce((SELECT max(b.batch) FROM chancery.batch_roots b
                         WHERE b.run_id = r.id AND b.tree = 'Signatures'), 0) AS signatures) roots
 WHERE r.deleted_at IS NULL
   AND NOT EXISTS (SELECT FROM chancery.statements s WHERE s.run_uid = r.uid AND s.kind = 'Signed')
   AND (a.batches > roots.payloads
        OR r.sealed_at IS NOT NULL AND k.filled_at IS NOT NULL
           AND NOT EXISTS (SELECT FROM chancery.statements s WHERE s.run_uid = r.uid AND s.kind = 'Sealed')
        OR r.sealed_at IS NOT NULL AND k.filled_at IS NOT NULL AND a.batches = roots.signatures
        OR EXISTS (SELECT FROM chancery.leases l
                    WHERE l.run_id = r.id AND l.batch = roots.signatures + 1 AND l.outcome = 'signed'))
 ORDER BY r.id
