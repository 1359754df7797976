-- $1 keyring, $2 the data key as it was wrapped, $3 as it is wrapped now, $4 fingerprint of the KEK that did
--
-- Only what was read is replaced: whoever wrapped it meanwhile was first.
UPDATE chancery.data_keys d SET wrapped = $3, kek_fingerprint = $4, wrapped_at = now()
 WHERE d.keyring_id = $1 AND d.wrapped = $2
