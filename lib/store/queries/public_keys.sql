-- $1 keyring
SELECT k.id, m.public_key FROM chancery.keys k JOIN chancery.key_material m ON m.key_id = k.id
 WHERE k.keyring_id = $1 ORDER BY k.number
