-- $1 source, $2 split, $3 the holder's token, $4 position, $5 the next one, $6 whether nothing comes after, $7 payloads, $8
-- their positions, $9 positions of dead letters, $10 their stages, $11 reasons, $12 bytes
SELECT answer, admitted, duplicates, dead, start_at, done
  FROM chancery.admit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
