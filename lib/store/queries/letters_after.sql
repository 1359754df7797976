-- $1 run, $2 its uid, $3 source, $4 split and $5 position of the one before, $6 how many at the most, $7 only those without an end,
-- $8 with their bytes
SELECT number, source, pushed, split, position, stage, rule, reason, raw, bytes, is_whole, swept_at, arrived_at, arrived_micros, attempts,
       ended, into_name
  FROM chancery.letters_after($1, $2, $3, $4, $5, $6, $7, $8)
