-- $1 source, $2 split, $3 the holder's token, $4 position
SELECT gone, place, payload, stage, reason, traceparent
  FROM chancery.replay_read($1, $2, $3, $4)
