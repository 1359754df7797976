-- $1 runs
SELECT id, received, admitted, duplicates, dead, rejected, signed, suspended, sealed, complete FROM chancery.runs_standing($1)
