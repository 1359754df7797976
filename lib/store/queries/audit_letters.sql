-- $1 run, $2 how many of a kind at the most
--
-- What does not add up of what was done with dead letters of a run: a sentence each, and the number of the record that it is about, or 0.
WITH moves AS (
    SELECT m.*, format('the dead letter at position %s of split %s of source %s', m.position, m.split, m.source) AS letter,
           m.attempt = max(m.attempt) OVER place AS is_last, row_number() OVER (place ORDER BY m.attempt) AS place_in_order
      FROM chancery.letter_moves m WHERE m.run_id = $1
    WINDOW place AS (PARTITION BY m.source, m.split, m.position)
), acts AS (
    SELECT * FROM chancery.letter_acts WHERE run_id = $1
), waiting AS (
    SELECT p.*, format('the arrival at position %s of split %s of source %s', p.position, p.split, p.source) AS arrival
      FROM chancery.pendings p WHERE p.run_id = $1
)
(SELECT 0::bigint AS number, format('the acts on dead letters have the numbers %s to %s, and there are %s', min(a.act), max(a.act), count(*)) AS sentence
   FROM acts a HAVING min(a.act) <> 1 OR max(a.act) <> count(*))
UNION ALL
(SELECT 0, format('act %s is of %s dead letters by its own account, and there are %s', coalesce(a.act, m.act), a.letters, coalesce(m.letters, 0))
   FROM acts a FULL JOIN (SELECT act, count(*) AS letters FROM moves GROUP BY act) m ON m.act = a.act
  WHERE a.letters IS DISTINCT FROM coalesce(m.letters, 0) LIMIT $2)
UNION ALL
(SELECT 0, format('%s was taken up by act %s, and became nothing', m.letter, m.act)
   FROM moves m LEFT JOIN waiting p ON p.source = m.source AND p.split = m.split AND p.position = m.position AND p.letter = m.attempt
  WHERE m.became IS NULL AND p.source IS NULL LIMIT $2)
UNION ALL
(SELECT 0, format('%s waits as attempt %s of a dead letter, %s', p.arrival, p.letter,
                  CASE WHEN m.attempt IS NULL THEN 'and was not taken up' ELSE format('which became %s', lower(m.became::text)) END)
   FROM waiting p LEFT JOIN moves m ON m.source = p.source AND m.split = p.split AND m.position = p.position AND m.attempt = p.letter
  WHERE p.letter > 0 AND (m.attempt IS NULL OR m.became IS NOT NULL) LIMIT $2)
UNION ALL
(SELECT 0, format('%s waits as it came, and was a dead letter', p.arrival)
   FROM waiting p WHERE p.letter = 0
    AND EXISTS (SELECT FROM moves m WHERE m.source = p.source AND m.split = p.split AND m.position = p.position) LIMIT $2)
UNION ALL
(SELECT 0, format('%s is %s by act %s, which is no such act', m.letter, coalesce(lower(m.became::text), 'pending'), m.act)
   FROM moves m JOIN acts a ON a.act = m.act
  WHERE (CASE m.became WHEN 'Discarded' THEN a.kind = 'Discard' WHEN 'Moved' THEN a.kind = 'Redrive' AND a.into_name IS NOT NULL
                       ELSE a.kind = 'Redrive' AND a.into_name IS NULL END) IS NOT TRUE LIMIT $2)
UNION ALL
(SELECT 0, format('attempt %s of %s is the one before attempt %s', m.attempt, m.letter, m.place_in_order + 1)
   FROM moves m WHERE m.attempt <> m.place_in_order LIMIT $2)
UNION ALL
(SELECT 0, format('%s was %s, and then taken up again', m.letter, coalesce(lower(m.became::text), 'pending'))
   FROM moves m WHERE m.became IS DISTINCT FROM 'Dead' AND NOT m.is_last LIMIT $2)
UNION ALL
(SELECT 0, format('%s is written down as %s, and is %s', m.letter, lower(m.became::text), lower(coalesce(a.state::text, CASE WHEN r.record IS NULL THEN 'nothing' ELSE 'admitted' END)))
   FROM moves m
   LEFT JOIN chancery.arrivals a ON a.run_id = $1 AND a.source = m.source AND a.split = m.split AND a.position = m.position
   LEFT JOIN (SELECT r.source, r.split, r.position, min(r.record) AS record FROM chancery.records r
               WHERE r.run_id = $1 AND EXISTS (SELECT FROM moves) GROUP BY r.source, r.split, r.position) r
     ON r.source = m.source AND r.split = m.split AND r.position = m.position
  WHERE m.is_last AND m.became IS NOT NULL
    AND coalesce(a.state::text, CASE WHEN r.record IS NULL THEN 'nothing' ELSE 'Admitted' END)
        <> CASE WHEN m.became IN ('Moved', 'Discarded') THEN 'Dead' ELSE m.became::text END LIMIT $2)
UNION ALL
(SELECT 0, format('%s is discarded, and has its bytes', m.letter)
   FROM moves m JOIN chancery.arrivals a ON a.run_id = $1 AND a.source = m.source AND a.split = m.split AND a.position = m.position
  WHERE m.became = 'Discarded' AND a.raw IS NOT NULL LIMIT $2)
UNION ALL
(SELECT 0, format('%s was judged anew by %s instant, and the run has %s policy', m.letter, CASE WHEN m.judged_at IS NULL THEN 'no' ELSE 'an' END,
                  CASE WHEN r.policy_hash IS NULL THEN 'no' ELSE 'a' END)
   FROM moves m JOIN chancery.runs r ON r.id = $1
  WHERE (m.became IN ('Moved', 'Discarded')) IS NOT TRUE AND (m.judged_at IS NULL) <> (r.policy_hash IS NULL) LIMIT $2)
