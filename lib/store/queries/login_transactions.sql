-- What the logins of runs and of gateways have open in this database: each transaction, by the session and its own number, which no other
-- transaction of this server has while it runs, and whether its session holds an advisory lock. By those, signers
-- take turns, for milliseconds. A ring's turn is one of two numbers, the first of which is keyring_turn's.
--
-- Whoever may operate as well, as the owner, is no gateway here.
WITH held AS MATERIALIZED (
    SELECT l.pid, l.locktype, l.virtualtransaction, l.database, l.classid, l.objsubid FROM pg_locks l
     WHERE l.granted AND l.locktype IN ('virtualxid', 'advisory')
)
SELECT a.usename::text AS login, l.name IS NULL AS is_gateway, a.pid, h.virtualtransaction AS transaction,
       bool_or(h.locktype = 'advisory' AND h.database = a.datid) AS holds_turn,
       bool_or(h.locktype = 'advisory' AND h.database = a.datid AND h.classid = 1128814158 AND h.objsubid = 2) AS holds_ring
  FROM held h
  JOIN pg_stat_activity a ON a.pid = h.pid
  LEFT JOIN chancery.logins l ON l.name = a.usename
 WHERE a.datname = current_database()
   AND (l.name IS NOT NULL
        OR (pg_has_role(a.usesysid, 'chancery_gateway', 'MEMBER') AND NOT pg_has_role(a.usesysid, 'chancery_operator', 'MEMBER')))
 GROUP BY a.usename, l.name, a.pid, h.virtualtransaction
