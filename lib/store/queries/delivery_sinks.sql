-- The sinks of the login's run.
SELECT sink, name, description::text AS description, ordered, attempt_limit FROM chancery.delivery_sinks()
