-- $1 notification, $2 the holder's token, $3 events of signed batches, $4 how many at the most
SELECT event, what, happened_at, data::text AS data, traceparent FROM chancery.notification_records($1, $2, $3, $4)
