-- $1 notification, $2 the holder's token, $3 events, $4 why the receiver cannot be reached, $5 seconds for which it is left alone and $6
-- for which it is waited for once the run is complete, or these three null
SELECT given_back, dead FROM chancery.notification_give_back($1, $2, $3, $4, $5, $6)
