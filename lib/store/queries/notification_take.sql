-- $1 notification, $2 holder, $3 hash of the holder's token, $4 how many at the most, $5 seconds for which they are the holder's
SELECT task, what, happened_at, data::text AS data, traceparent, attempts, seconds, signing FROM chancery.notification_take($1, $2, $3, $4, $5)
