-- $1 keyring, $2 how many keys the ring is to have
SELECT number
  FROM generate_series(1, $2) number
 WHERE NOT EXISTS (SELECT FROM chancery.keys k WHERE k.keyring_id = $1 AND k.number = number)
