-- $1 source, $2 the holder's token
SELECT chancery.replay_list($1, $2)
