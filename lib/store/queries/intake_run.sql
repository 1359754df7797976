-- $1 namespace, $2 name
--
-- What an intake needs to know of the run that it admits records to.
SELECT id, uid, ledger_uid, namespace, name, deleted, expression, pushed
  FROM chancery.intake_run($1, $2)
