-- Runs that read their sources, with what they and the runs of their namespaces take
WITH reading AS (
    SELECT r.id, r.namespace, r.name, i.held
      FROM chancery.runs r JOIN chancery.intakes i ON i.run_id = r.id
     WHERE r.sealed_at IS NULL AND r.deleted_at IS NULL
)
SELECT g.id, g.namespace, g.name, g.held,
       least(chancery.run_taken(g.id), 9223372036854775807)::bigint AS run_bytes,
       least(n.bytes, 9223372036854775807)::bigint AS namespace_bytes
  FROM reading g
  JOIN (SELECT r.namespace, sum(chancery.run_taken(r.id)) AS bytes
          FROM chancery.runs r
         WHERE r.namespace IN (SELECT d.namespace FROM reading d)
         GROUP BY r.namespace) n ON n.namespace = g.namespace
 ORDER BY g.id
