-- $1 notification, $2 the holder's token, $3 events
SELECT chancery.notification_settle($1, $2, $3)
