-- $1 run
SELECT k.id, m.algorithm::text AS algorithm, m.public_key
  FROM chancery.runs r
  JOIN chancery.keys k ON k.keyring_id = r.keyring_id
  JOIN chancery.key_material m ON m.key_id = k.id
 WHERE r.id = $1
 ORDER BY k.number
