-- $1 run, $2 its uid, $3 act, $4 who, $5 which are meant, $6 source, $7 split, $8 payloads, $9 their positions, $10 their identities,
-- $11 positions of those that are refused again, $12 their stages, $13 reasons; $14 to $24 as $15 to $25 in admit.sql
SELECT answer, act, admitted, duplicates, dead, rejected, pending
  FROM chancery.letters_redrive($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
                                ROW ($14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)::chancery.judgement)
