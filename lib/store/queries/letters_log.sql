-- $1 run, $2 its uid
SELECT act, kind, into_name, letters, selection, actor, login, acted_at, admitted, duplicates, rejected, dead, pending
  FROM chancery.letters_log($1, $2)
