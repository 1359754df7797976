-- $1 notification, $2 the holder's token, $3 events of signed batches, $4 the last record of each up to which all is done, $5 how many were told;
-- $6 records that were refused, $7 why, $8 pauses in seconds; $9 seconds for which the events are the holder's
SELECT held, dead FROM chancery.notification_reached($1, $2, $3, $4, $5, $6, $7, $8, $9)
