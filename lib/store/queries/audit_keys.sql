-- $1 keyring
SELECT k.id, k.number, k.state::text AS state, k.last_use, k.joined_use, k.retired_use,
       k.retired_at IS NOT NULL AS has_retired_at, m.public_key
  FROM chancery.keys k
  LEFT JOIN chancery.key_material m ON m.key_id = k.id
 WHERE k.keyring_id = $1
 ORDER BY k.number, k.id
