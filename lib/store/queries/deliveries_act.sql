-- $1 run, $2 its uid, $3 what is done, $4 who, $5 which are meant, $6 sink, $7 batch, $8 text in what was said of them
SELECT answer, act, letters, manifests FROM chancery.deliveries_act($1, $2, $3, $4, $5, $6, $7, $8)
