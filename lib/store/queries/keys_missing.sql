-- $1 keyring, $2 how many keys the ring is to have
SELECT wanted.number
  FROM generate_series(1, $2) AS wanted (number)
 WHERE NOT EXISTS (SELECT FROM chancery.keys k WHERE k.keyring_id = $1 AND k.number = wanted.number)
 ORDER BY wanted.number
