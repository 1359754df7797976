-- $1 run, $2 how many of a kind at the most
--
-- What does not add up among the events of a run: a sentence each, and the number of the batch or record that it is about, or 0.
WITH notifications AS (
    SELECT * FROM chancery.notifications WHERE run_id = $1
), events AS (
    SELECT e.*, split_part(e.what, '/', 1) AS event, substr(e.what, strpos(e.what || '/', '/') + 1) AS about
      FROM chancery.events e WHERE e.run_id = $1
), run AS (
    SELECT r.*, i.rejected, i.dead, i.alerts FROM chancery.runs r LEFT JOIN chancery.intakes i ON i.run_id = r.id WHERE r.id = $1
), batches AS (
    -- Of each signed batch, and of no other, there is an event.
    SELECT b.batch FROM chancery.batches b WHERE b.run_id = $1 AND b.state = 'signed'
), said AS (
    SELECT e.*, CASE WHEN e.about ~ '^[0-9]{1,18}$' THEN e.about::bigint END AS batch FROM events e WHERE e.event = 'batch.signed'
), confirmed AS (
    -- Of each signed batch, how many of its records are told of one by one.
    SELECT b.batch, b.first_record, b.last_record,
           (SELECT count(*) FROM chancery.records c JOIN chancery.sources s ON s.run_id = $1 AND s.source = c.source AND s.confirm
             WHERE c.run_id = $1 AND c.record BETWEEN b.first_record AND b.last_record) AS records
      FROM chancery.batches b
     WHERE b.run_id = $1 AND b.state = 'signed' AND EXISTS (SELECT FROM notifications n WHERE 'record.signed' = ANY (n.events))
), of_batches AS (
    SELECT e.*, CASE WHEN e.about ~ '^[0-9]{1,18}$' THEN e.about::bigint END AS batch FROM events e
     WHERE e.event = 'record.signed' AND e.about ~ '^[0-9]{1,18}$'
), of_records AS (
    SELECT e.*, CASE WHEN e.about ~ '^[0-9]{1,18}/[0-9]{1,18}$' THEN split_part(e.about, '/', 1)::bigint END AS batch,
           CASE WHEN e.about ~ '^[0-9]{1,18}/[0-9]{1,18}$' THEN split_part(e.about, '/', 2)::bigint END AS record
      FROM events e WHERE e.event = 'record.signed' AND e.about !~ '^[0-9]{1,18}$'
), given_up AS (
    SELECT d.batch, s.name AS sink_name, format('delivery.dead/%s/%s/%s', d.sink, d.batch, k.redrives) AS what
      FROM chancery.deliveries d
      JOIN chancery.sinks s ON s.run_id = d.run_id AND s.sink = d.sink
     CROSS JOIN LATERAL generate_series(0, d.redrives) AS k (redrives)
     WHERE d.run_id = $1 AND (k.redrives < d.redrives OR d.state = 'Dead')
), counted AS (
    -- A batch of which is told record by record counts its records.
    SELECT e.notification,
           count(*) FILTER (WHERE e.state = 'Delivered' AND e.what !~ '^record[.]signed/[0-9]+$') + coalesce(sum(e.told), 0)::bigint AS told, count(*) FILTER (WHERE e.state = 'Dead') AS dead,
           sum((e.data ->> 'count')::bigint) FILTER (WHERE e.event = 'record.rejected') AS rejected,
           sum((e.data ->> 'count')::bigint) FILTER (WHERE e.event = 'record.dead') AS lost,
           sum((e.data ->> 'count')::bigint) FILTER (WHERE e.event = 'policy.alert') AS alerts
      FROM events e GROUP BY e.notification
)
(SELECT b.batch AS number, format('batch %s is signed, and nothing says that %s is to be told', b.batch, n.name) AS sentence
   FROM batches b CROSS JOIN notifications n
  WHERE 'batch.signed' = ANY (n.events) AND NOT EXISTS (SELECT FROM said s WHERE s.batch = b.batch AND s.notification = n.notification)
  LIMIT $2)
UNION ALL
(SELECT coalesce(s.batch, 0), format('%s is told that batch %s is signed, which it is not', coalesce(n.name, 'notification ' || s.notification), s.about)
   FROM said s LEFT JOIN notifications n ON n.notification = s.notification
  WHERE NOT EXISTS (SELECT FROM batches b WHERE b.batch = s.batch) LIMIT $2)
UNION ALL
(SELECT b.batch, format('batch %s is signed, and nothing says that %s is to be told of its records', b.batch, n.name)
   FROM batches b CROSS JOIN notifications n
  WHERE 'record.signed' = ANY (n.events)
    AND NOT EXISTS (SELECT FROM of_batches e WHERE e.batch = b.batch AND e.notification = n.notification) LIMIT $2)
UNION ALL
(SELECT e.batch, format('%s is told of the records of batch %s, which is not signed', coalesce(n.name, 'notification ' || e.notification), e.batch)
   FROM of_batches e LEFT JOIN notifications n ON n.notification = e.notification
  WHERE NOT EXISTS (SELECT FROM batches b WHERE b.batch = e.batch) LIMIT $2)
UNION ALL
-- Each is told, or was refused and has a row of its own.
(SELECT b.batch, format('%s was told of %s records of batch %s and refused %s, and %s come from sources that ask for it', n.name,
                        coalesce(e.told, 0), e.batch, k.refused, b.records)
   FROM of_batches e JOIN notifications n ON n.notification = e.notification JOIN confirmed b ON b.batch = e.batch
  CROSS JOIN LATERAL (SELECT count(*) AS refused FROM of_records o WHERE o.batch = e.batch AND o.notification = e.notification) k
  WHERE coalesce(e.told, 0) + k.refused > b.records OR e.state = 'Delivered' AND coalesce(e.told, 0) + k.refused < b.records
     OR (e.told_to BETWEEN b.first_record AND b.last_record) IS FALSE LIMIT $2)
UNION ALL
(SELECT coalesce(o.record, 0), format('%s is told that a record is signed which is not, or did not ask for it: %s', n.name, o.what)
   FROM of_records o JOIN notifications n ON n.notification = o.notification
  WHERE NOT EXISTS (
        SELECT FROM confirmed b JOIN chancery.records c ON c.run_id = $1 AND c.record = o.record
          JOIN chancery.sources s ON s.run_id = $1 AND s.source = c.source AND s.confirm
         WHERE b.batch = o.batch AND o.record BETWEEN b.first_record AND b.last_record) LIMIT $2)
UNION ALL
(SELECT 0, format('%s is to be told to notification %s, which %s', e.what, e.notification,
                  CASE WHEN n.notification IS NULL THEN 'the run has not' ELSE 'does not list it' END)
   FROM events e LEFT JOIN notifications n ON n.notification = e.notification
  WHERE e.event = ANY (n.events) IS NOT TRUE LIMIT $2)
UNION ALL
(SELECT 0, format('%s of notification %s stands %s times', e.what, e.notification, count(*))
   FROM events e GROUP BY e.what, e.notification HAVING count(*) > 1 LIMIT $2)
UNION ALL
(SELECT 0, format('nothing says that %s is to be told of %s', n.name, t.event)
   FROM notifications n CROSS JOIN run r
  CROSS JOIN LATERAL (VALUES ('run.started', true), ('run.completed', r.completed_at IS NOT NULL)) AS t (event, happened)
  WHERE t.happened AND t.event = ANY (n.events)
    AND NOT EXISTS (SELECT FROM events e WHERE e.notification = n.notification AND e.what = t.event) LIMIT $2)
UNION ALL
(SELECT 0, format('%s is told that the run is complete, which it is not', n.name)
   FROM events e JOIN notifications n ON n.notification = e.notification CROSS JOIN run r
  WHERE e.event = 'run.completed' AND r.completed_at IS NULL LIMIT $2)
UNION ALL
-- Dead letters may be taken up again, and die again: of each death is told.
(SELECT 0, format('%s is told of %s %s, there are %s', n.name, coalesce(t.told, 0), t.word, t.stands)
   FROM notifications n CROSS JOIN run r LEFT JOIN counted c ON c.notification = n.notification
  CROSS JOIN LATERAL (VALUES
        ('record.rejected', 'rejected arrivals', r.rejected, c.rejected, false), ('record.dead', 'dead letters', r.dead, c.lost, true),
        ('policy.alert', 'alerts', r.alerts, c.alerts, false)) AS t (event, word, stands, told, more)
  WHERE t.event = ANY (n.events) AND t.stands IS NOT NULL
    AND (coalesce(t.told, 0) < t.stands OR NOT t.more AND coalesce(t.told, 0) > t.stands) LIMIT $2)
UNION ALL
-- A delivery that was given up may be taken up again: it was given up before each time, and is again if it is dead.
(SELECT d.batch, format('batch %s was given up for %s, and nothing says that %s is to be told', d.batch, d.sink_name, n.name)
   FROM given_up d CROSS JOIN notifications n
  WHERE 'delivery.dead' = ANY (n.events)
    AND NOT EXISTS (SELECT FROM events e WHERE e.notification = n.notification AND e.what = d.what) LIMIT $2)
UNION ALL
(SELECT 0, format('%s is told of %s, and there is no such delivery', n.name, e.what)
   FROM events e JOIN notifications n ON n.notification = e.notification
  WHERE e.event = 'delivery.dead' AND NOT EXISTS (SELECT FROM given_up d WHERE d.what = e.what) LIMIT $2)
UNION ALL
(SELECT 0, format('%s was given up for %s after %s refusals of %s, %s', e.what, n.name, e.attempts, n.attempt_limit,
                  CASE WHEN e.last_error IS NULL THEN 'and says not why' ELSE 'and the run is not complete' END)
   FROM events e JOIN notifications n ON n.notification = e.notification CROSS JOIN run r
  WHERE e.state = 'Dead' AND (e.last_error IS NULL OR e.attempts < n.attempt_limit AND r.completed_at IS NULL) LIMIT $2)
UNION ALL
(SELECT 0, format('%s waits for %s after %s refusals of %s', e.what, n.name, e.attempts, n.attempt_limit)
   FROM events e JOIN notifications n ON n.notification = e.notification
  WHERE e.state = 'Pending' AND e.attempts >= n.attempt_limit LIMIT $2)
UNION ALL
(SELECT 0, format('%s says that it was told of %s events and %s are dead, there are %s and %s', n.name, n.told, n.dead,
                  coalesce(c.told, 0), coalesce(c.dead, 0))
   FROM notifications n LEFT JOIN counted c ON c.notification = n.notification
  WHERE (n.told, n.dead) IS DISTINCT FROM (coalesce(c.told, 0), coalesce(c.dead, 0)) LIMIT $2)
UNION ALL
(SELECT 0, format('the numbers of the notifications are not 1 to %s', count(*))
   FROM notifications n HAVING min(n.notification) <> 1 OR max(n.notification) <> count(*))
