-- $1 notification, $2 the holder's token, $3 events, $4 what the receiver said of each, $5 seconds for which each is left alone
SELECT put_off, dead FROM chancery.notification_fail($1, $2, $3, $4, $5)
