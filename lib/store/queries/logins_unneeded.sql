-- Logins whose run is not in the ledger any more, or has been complete for so long that no signer of it is left, or sealed for
-- so long that no intake of it is left, or signed, and waiting for its sinks, for so long that no signer of it is left; those of whoever had the run before it was taken over; and those that are older
-- than the Secret by which the run's signers, its intake or its delivery have been given another for a while.
SELECT l.name::text AS name
  FROM chancery.logins l
  LEFT JOIN chancery.runs r ON r.id = l.run_id
  LEFT JOIN chancery.keyrings k ON k.id = r.keyring_id
  LEFT JOIN chancery.admissions a ON a.run_id = r.id
  LEFT JOIN chancery.run_secrets s ON s.run_id = l.run_id AND s.work = l.work
 WHERE r.id IS NULL
    -- What delivers is needed for as long as a batch that was taken up again, or a manifest, is to be delivered, or somebody is to be told of
    -- what happened.
    OR (r.completed_at < clock_timestamp() - interval '5 minutes'
        AND NOT (l.work = 'Deliver'
                 AND (EXISTS (SELECT FROM chancery.sinks d WHERE d.run_id = r.id AND d.redriven > 0)
                      OR EXISTS (SELECT FROM chancery.manifests m WHERE m.run_id = r.id AND m.ended_at IS NULL)
                      OR chancery.run_untold(r.id))))
    OR l.made_at < r.adopted_at
    OR (l.work = 'Admit' AND r.sealed_at < clock_timestamp() - interval '5 minutes')
    -- A sink may be away for weeks. What is signed stays so, and who delivers says that the run is complete. Batches are looked at of
    -- such runs alone.
    OR CASE WHEN l.work = 'Sign' AND r.completed_at IS NULL AND l.made_at < clock_timestamp() - interval '5 minutes'
                 AND r.sealed_at < clock_timestamp() - interval '5 minutes' AND k.filled_at < clock_timestamp() - interval '5 minutes'
                 AND EXISTS (SELECT FROM chancery.sinks d WHERE d.run_id = r.id)
                 AND NOT EXISTS (SELECT FROM chancery.leases e
                                  WHERE e.run_id = r.id AND e.batch = a.batches AND NOT e.returned
                                    AND e.signed_at > clock_timestamp() - interval '5 minutes')
            THEN a.batches = (SELECT g.batches FROM chancery.run_signed(r.id) g)
            ELSE false END
    OR (s.made_at < clock_timestamp() - interval '10 minutes' AND l.made_at < s.made_at
        AND split_part(s.content, ' ', 2) <> l.name)
 ORDER BY l.name
