-- $1 run, $2 how many of a kind at the most
--
-- What does not add up among the deliveries of a run: a sentence each, and the number of the batch that it is about, or 0.
WITH sinks AS (
    SELECT * FROM chancery.sinks WHERE run_id = $1
), signed AS (
    SELECT b.batch FROM chancery.batches b WHERE b.run_id = $1 AND b.state = 'signed'
), deliveries AS (
    SELECT * FROM chancery.deliveries WHERE run_id = $1
), manifests AS (
    SELECT * FROM chancery.manifests WHERE run_id = $1
), counted AS (
    SELECT d.sink, count(*) FILTER (WHERE d.state = 'Delivered') AS delivered, count(*) FILTER (WHERE d.state = 'Dead') AS dead,
           count(*) FILTER (WHERE d.state = 'Pending' AND d.redrives > 0) AS redriven,
           count(*) FILTER (WHERE d.state = 'Pending' AND d.redrives <= 0) AS pending, max(d.batch) FILTER (WHERE d.state <> 'Pending') AS most
      FROM deliveries d GROUP BY d.sink
), moves AS (
    SELECT m.*, row_number() OVER (PARTITION BY m.sink, m.batch ORDER BY m.attempt) AS place_in_order
      FROM chancery.delivery_moves m WHERE m.run_id = $1
), moved AS (
    SELECT m.sink, m.batch, count(*) FILTER (WHERE m.kind = 'Redrive') AS redrives, count(*) FILTER (WHERE m.kind = 'Discard') AS discards,
           min(m.attempts) AS attempts, coalesce(bool_and(m.attempt = m.place_in_order), false) AS is_in_order
      FROM moves m GROUP BY m.sink, m.batch
)
(SELECT b.batch AS number, format('batch %s is signed, and nothing says that it is to be delivered to %s', b.batch, s.name) AS sentence
   FROM signed b CROSS JOIN sinks s
  WHERE NOT EXISTS (SELECT FROM deliveries d WHERE d.batch = b.batch AND d.sink = s.sink) LIMIT $2)
UNION ALL
(SELECT d.batch, format('batch %s is to be delivered to %s, and is not signed', d.batch, coalesce(s.name, 'sink ' || d.sink))
   FROM deliveries d LEFT JOIN sinks s ON s.sink = d.sink
  WHERE NOT EXISTS (SELECT FROM signed b WHERE b.batch = d.batch) LIMIT $2)
UNION ALL
(SELECT d.batch, format('batch %s is to be delivered to sink %s, which the run has not', d.batch, d.sink)
   FROM deliveries d WHERE NOT EXISTS (SELECT FROM sinks s WHERE s.sink = d.sink) LIMIT $2)
UNION ALL
(SELECT d.batch, format('the delivery of batch %s to sink %s stands %s times', d.batch, d.sink, count(*))
   FROM deliveries d GROUP BY d.batch, d.sink HAVING count(*) > 1 LIMIT $2)
UNION ALL
(SELECT d.batch, format('batch %s is delivered to sink %s, and nothing says as what', d.batch, d.sink)
   FROM deliveries d WHERE d.state = 'Delivered' AND (d.object IS NULL OR d.digest IS NULL OR octet_length(d.digest) <> 32) LIMIT $2)
UNION ALL
(SELECT max(d.batch), format('%s batches are delivered to sink %s as %s', count(*), d.sink, d.object)
   FROM deliveries d WHERE d.object IS NOT NULL GROUP BY d.sink, d.object HAVING count(*) > 1 LIMIT $2)
UNION ALL
(SELECT d.batch, format('the delivery of batch %s to %s is a dead letter after %s refusals of %s, %s', d.batch, s.name, d.attempts, s.attempt_limit,
                        CASE WHEN d.last_error IS NULL THEN 'and says not why' ELSE 'which are too few' END)
   FROM deliveries d JOIN sinks s ON s.sink = d.sink
  WHERE d.state = 'Dead' AND (d.attempts < s.attempt_limit OR d.last_error IS NULL) LIMIT $2)
UNION ALL
(SELECT d.batch, format('the delivery of batch %s to %s waits after %s refusals of %s', d.batch, s.name, d.attempts, s.attempt_limit)
   FROM deliveries d JOIN sinks s ON s.sink = d.sink WHERE d.state = 'Pending' AND d.attempts >= s.attempt_limit LIMIT $2)
UNION ALL
(SELECT 0::bigint, format('%s says that %s batches are delivered and %s dead, there are %s and %s', s.name, s.delivered, s.dead,
                          coalesce(c.delivered, 0), coalesce(c.dead, 0))
   FROM sinks s LEFT JOIN counted c ON c.sink = s.sink
  WHERE (s.delivered, s.dead) IS DISTINCT FROM (coalesce(c.delivered, 0), coalesce(c.dead, 0)) LIMIT $2)
UNION ALL
(SELECT 0, format('%s says that %s batches are taken up again, there are %s', s.name, s.redriven, coalesce(c.redriven, 0))
   FROM sinks s LEFT JOIN counted c ON c.sink = s.sink WHERE s.redriven IS DISTINCT FROM coalesce(c.redriven, 0) LIMIT $2)
UNION ALL
(SELECT coalesce(d.batch, m.batch), format('batch %s was taken up again %s times for sink %s%s, and written down is that it was %s times%s',
                                           coalesce(d.batch, m.batch), coalesce(d.redrives, 0), coalesce(d.sink, m.sink),
                                           CASE WHEN d.discarded THEN ', and discarded' ELSE '' END, coalesce(m.redrives, 0),
                                           CASE WHEN m.discards > 0 THEN ', and discarded' ELSE '' END)
   FROM (SELECT * FROM deliveries WHERE redrives <> 0 OR discarded) d
   FULL JOIN moved m ON m.sink = d.sink AND m.batch = d.batch
  WHERE (coalesce(d.redrives, 0), coalesce(d.discarded, false)) IS DISTINCT FROM (coalesce(m.redrives, 0), coalesce(m.discards, 0) = 1) LIMIT $2)
UNION ALL
(SELECT m.batch, format('what was done with the delivery of batch %s to sink %s is not written down one after the other, or it was no dead letter', m.batch, m.sink)
   FROM moved m LEFT JOIN sinks s ON s.sink = m.sink WHERE NOT m.is_in_order OR m.attempts < s.attempt_limit LIMIT $2)
UNION ALL
(SELECT d.batch, format('the delivery of batch %s to sink %s is discarded, and no dead letter', d.batch, d.sink)
   FROM deliveries d WHERE d.discarded AND d.state <> 'Dead' LIMIT $2)
UNION ALL
(SELECT c.most, format('%s takes batches in order, and batch %s was delivered before one of those before it', s.name, c.most)
   FROM sinks s JOIN counted c ON c.sink = s.sink WHERE s.ordered AND c.most > c.delivered + c.dead + c.redriven LIMIT $2)
UNION ALL
-- What was given up when it was complete may be taken up again.
(SELECT 0, format('the run is complete, and %s deliveries to %s are pending', c.pending, s.name)
   FROM chancery.runs r JOIN sinks s ON true JOIN counted c ON c.sink = s.sink
  WHERE r.id = $1 AND r.completed_at IS NOT NULL AND c.pending > 0 LIMIT $2)
UNION ALL
(SELECT 0, format(CASE WHEN m.sink IS NULL THEN '%s has no manifest' ELSE '%s has a manifest, and takes none' END, coalesce(s.name, 'sink ' || m.sink))
   FROM sinks s FULL JOIN manifests m ON m.sink = s.sink
  WHERE (m.sink IS NOT NULL) IS DISTINCT FROM coalesce(s.description ?| ARRAY['objects', 'http', 'table'], false) LIMIT $2)
UNION ALL
(SELECT 0, format('the manifest of %s has ended, and %s of its batches have not', s.name, a.batches - s.delivered - s.dead)
   FROM manifests m JOIN sinks s ON s.sink = m.sink JOIN chancery.admissions a ON a.run_id = $1
  WHERE m.ended_at IS NOT NULL AND s.delivered + s.dead <> a.batches LIMIT $2)
UNION ALL
(SELECT 0, format('the manifest of %s was given up after %s refusals of %s', s.name, m.attempts, s.attempt_limit)
   FROM manifests m JOIN sinks s ON s.sink = m.sink
  WHERE m.ended_at IS NOT NULL AND m.object IS NULL AND (m.attempts < s.attempt_limit OR m.last_error IS NULL) LIMIT $2)
UNION ALL
(SELECT 0, format('%s has its manifest, and nothing says as what', s.name)
   FROM manifests m JOIN sinks s ON s.sink = m.sink
  WHERE (m.object IS NULL) <> (m.digest IS NULL) OR m.ended_at IS NULL AND m.object IS NOT NULL LIMIT $2)
UNION ALL
-- What is taken up again makes another one.
(SELECT 0, format('the run is complete, and the manifest of %s is pending', s.name)
   FROM manifests m JOIN sinks s ON s.sink = m.sink JOIN chancery.runs r ON r.id = $1
  WHERE r.completed_at IS NOT NULL AND m.ended_at IS NULL AND m.number = 1 LIMIT $2)
UNION ALL
(SELECT 0, format('the numbers of the sinks are not 1 to %s', count(*)) FROM sinks s HAVING min(s.sink) <> 1 OR max(s.sink) <> count(*))
