-- $1 fingerprint of the KEK, $2 keyring to begin after, $3 how many at the most
--
-- Data keys that another KEK has wrapped, in the order of their rings.
SELECT k.id AS keyring_id, k.uid AS keyring_uid, k.data_key_fingerprint AS fingerprint, d.kek_fingerprint, d.wrapped
  FROM chancery.data_keys d
  JOIN chancery.keyrings k ON k.id = d.keyring_id
 WHERE d.kek_fingerprint <> $1 AND d.keyring_id > $2
 ORDER BY d.keyring_id LIMIT $3
