-- $1 namespace, $2 name
SELECT id, uid, ledger_uid, namespace, name, deleted, algorithm, envelope, content_type FROM chancery.delivery_run($1, $2)
