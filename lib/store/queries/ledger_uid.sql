SELECT (SELECT l.uid FROM chancery.ledger l) AS uid
