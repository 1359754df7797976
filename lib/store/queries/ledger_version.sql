SELECT chancery.ledger_version()
