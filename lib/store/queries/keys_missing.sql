-- $1 run, $2 the run's uid, $3 the number to begin after, $4 how many numbers at the most
SELECT answer, numbers FROM chancery.keys_missing($1, $2, $3, $4)
