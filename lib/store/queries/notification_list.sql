-- The notifications of the login's run.
SELECT notification, name, description::text AS description, attempt_limit FROM chancery.notification_list()
