-- $1 run, $2 its uid, $3 source, $4 split, $5 position
SELECT attempt, act, kind, became, into_name, stage, rule, reason, actor, login, acted_at
  FROM chancery.letter_history($1, $2, $3, $4, $5)
