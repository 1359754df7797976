-- $1 source, $2 split, $3 the holder's token, $4 position, $5 the next one, $6 the key that comes
-- with that, or nothing, $7 whether nothing comes after, $8 payloads, $9 their positions, $10 their
-- identities, $11 positions of dead letters, $12 their stages, $13 reasons, $14 bytes
SELECT answer, admitted, duplicates, dead, start_at, done
  FROM chancery.admit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
