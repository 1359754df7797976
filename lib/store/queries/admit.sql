-- $1 source, $2 split, $3 the holder's token, $4 position, $5 the next one, $6 the key that comes
-- with that, or nothing, $7 whether nothing comes after, $8 payloads, $9 their positions, $10 their
-- identities, $11 positions of dead letters, $12 their stages, $13 reasons, $14 bytes; then, each null in a run
-- that has no policy: $15 its SHA-256, $16 positions from which on the instants $17 hold, $18 rules of dead letters, $19 payloads
-- before they were enriched, $20 positions that have marks, $21 these, $22 expressions that failed and were ignored,
-- $23 positions of what waits to be judged, $24 payloads of that, $25 their identities; then $26 positions from which to $27
-- arrivals came in the traces $28
SELECT answer, admitted, duplicates, dead, rejected, start_at, done
  FROM chancery.admit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
                      ROW ($15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)::chancery.judgement, $26, $27, $28)
