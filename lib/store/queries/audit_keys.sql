-- $1 keyring
SELECT k.id, k.number, k.last_use, m.algorithm::text AS algorithm, m.public_key
  FROM chancery.keys k
  LEFT JOIN chancery.key_material m ON m.key_id = k.id
 WHERE k.keyring_id = $1
 ORDER BY k.number
