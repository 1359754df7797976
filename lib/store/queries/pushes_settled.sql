-- $1 run, $2 its uid, $3 positions
SELECT at_position, state, record, hits, of_run, of_record, stage, rule, reason FROM chancery.pushes_settled($1, $2, $3)
