-- $1 keyring
SELECT k.id AS keyring_id, k.uid AS keyring_uid, k.data_key_fingerprint AS fingerprint, d.kek_fingerprint, d.wrapped
  FROM chancery.keyrings k
  JOIN chancery.data_keys d ON d.keyring_id = k.id
 WHERE k.id = $1
