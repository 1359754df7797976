-- $1 run, $2 record, $3 how many are left out
--
-- Alerts about the records behind that one, by rule.
SELECT rule, alerts, last_record FROM chancery.alerts_after($1, $2, $3)
