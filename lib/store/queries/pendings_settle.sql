-- $1 source, $2 split, $3 the holder's token, $4 positions of what is admitted, $5 what the policy made of each, $6 positions of what is
-- refused, $7 stages, $8 reasons, $9 answers of all, $10 how often they were asked for; then $11 to $21 as $15 to $25 in admit.sql
SELECT answer, admitted, duplicates, dead, rejected
  FROM chancery.pendings_settle($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
                                ROW ($11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)::chancery.judgement)
