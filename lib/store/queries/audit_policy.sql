-- $1 run
--
-- What judged it: its SHA-256, and its text.
SELECT p.hash, p.text FROM chancery.runs r JOIN chancery.policies p ON p.hash = r.policy_hash WHERE r.id = $1
