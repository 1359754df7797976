SELECT s.number, s.hash FROM chancery.statements s ORDER BY s.number DESC LIMIT 1
