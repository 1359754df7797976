-- $1 run, $2 how often its policy lets somebody be asked again, $3 how many at the most
--
-- Arrivals that were asked about more often than that.
(SELECT 0::bigint AS number, format('the arrival at position %s of split %s of source %s waits after %s attempts, and its policy allows %s',
                                    p.position, p.split, p.source, p.attempts, $2 + 1) AS sentence
   FROM chancery.pendings p WHERE p.run_id = $1 AND p.attempts > $2 LIMIT $3)
UNION ALL
(SELECT 0, format('the arrival at position %s of split %s of source %s was judged after %s attempts, and its policy allows %s',
                  w.position, w.split, w.source, w.attempts, $2 + 1)
   FROM chancery.answers w WHERE w.run_id = $1 AND w.attempts > $2 + 1 LIMIT $3)
