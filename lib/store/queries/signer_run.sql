-- $1 namespace, $2 name
--
-- What a signer needs to know, and may read, of the run it signs.
SELECT id, uid, ledger_uid, namespace, name, keyring_uid, algorithm, key_size, envelope, content_type, filled, data_key_fingerprint, deleted
  FROM chancery.signer_run($1, $2)
