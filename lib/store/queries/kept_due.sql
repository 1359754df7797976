-- Digests of deleted runs whose window has passed, and versions of policies that no run names.
SELECT (SELECT count(*) FROM chancery.kept_digests k JOIN chancery.digests d ON d.keyring_id = k.keyring_id AND d.run_id = k.run_id
         WHERE k.until <= clock_timestamp()) AS digests,
       (SELECT count(*) FROM chancery.policies p
         WHERE NOT EXISTS (SELECT FROM chancery.runs r WHERE r.policy_hash = p.hash)) AS policies
