-- $1 action, $2 login, $3 verifier of its password, $4 how many sessions it may have, $5 a session
--
-- migrations/administrator.sql says what the actions are, and which of the others each needs.
SELECT chancery_logins.change($1, $2, $3, $4, $5)
