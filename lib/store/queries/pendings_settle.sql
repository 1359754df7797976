-- $1 source, $2 split, $3 the holder's token, $4 positions of what is admitted, $5 what the policy made of each, $6 positions of what is
-- refused, $7 stages, $8 reasons, $9 answers of all; then $10 to $20 as $15 to $25 in admit.sql
SELECT answer, admitted, duplicates, dead, rejected
  FROM chancery.pendings_settle($1, $2, $3, $4, $5, $6, $7, $8, $9,
                                ROW ($10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)::chancery.judgement)
