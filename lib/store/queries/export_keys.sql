-- $1 run
SELECT k.id, g.algorithm::text AS algorithm, m.public_key
  FROM chancery.runs r
  JOIN chancery.keyrings g ON g.id = r.keyring_id
  JOIN chancery.keys k ON k.keyring_id = g.id
  JOIN chancery.key_material m ON m.key_id = k.id
 WHERE r.id = $1
 ORDER BY k.number
