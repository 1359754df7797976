-- What the logins of runs have open in this database: each transaction, by the session and its own number, which no other
-- transaction of this server has while it runs, and whether its session holds an advisory lock. By those, signers
-- take turns, for milliseconds.
WITH held AS MATERIALIZED (
    SELECT l.pid, l.locktype, l.virtualtransaction, l.database FROM pg_locks l
     WHERE l.granted AND l.locktype IN ('virtualxid', 'advisory')
)
SELECT l.name::text AS login, a.pid, h.virtualtransaction AS transaction,
       bool_or(h.locktype = 'advisory' AND h.database = a.datid) AS holds_turn
  FROM held h
  JOIN pg_stat_activity a ON a.pid = h.pid
  JOIN chancery.logins l ON l.name = a.usename
 WHERE a.datname = current_database()
 GROUP BY l.name, a.pid, h.virtualtransaction
