-- Notes what the policy said of those arrivals of a call that were taken in: flags and alerts of the records behind p_base, up to
-- p_last, what they were before they were enriched, and from where on which instant holds. What is no record has no mark: it repeats
-- one, or lies at p_end or behind it, where nothing was taken in.
--
-- In the run's turn, after admit_payloads. A record is found by its position, which it alone has among those of the call.
CREATE OR REPLACE FUNCTION chancery.admit_marks(
    p_run integer, p_source integer, p_split integer, p_base bigint, p_last bigint, p_end bigint,
    p_positions bigint[], p_judged chancery.judgement, OUT flagged bigint, OUT alerts bigint)
LANGUAGE plpgsql SET work_mem = '32MB' SET enable_nestloop = off SET enable_seqscan = off AS $$
BEGIN
    flagged := 0;
    alerts := 0;
    EXECUTE format(
        'INSERT INTO chancery.%I (source, split, position, run_id, judged_at)
         SELECT $1, $2, s.position, $3, ''epoch''::timestamptz + s.instant * interval ''1 microsecond''
           FROM unnest($4, $5) AS s (position, instant) WHERE s.position < $6', 'judgements_' || p_run)
      USING p_source, p_split, p_run, p_judged.starts, p_judged.instants, p_end;
    IF cardinality(p_judged.originals) > 0 THEN
        EXECUTE format(
            'INSERT INTO chancery.%I (record, run_id, payload, digest)
             SELECT r.record, $1, o.original, r.digest
               FROM unnest($2, $3) AS o (position, original)
               JOIN chancery.%I r ON r.position = o.position
              WHERE o.original IS NOT NULL AND r.record > $4 AND r.record <= $5', 'originals_' || p_run, 'records_' || p_run)
          USING p_run, p_positions, p_judged.originals, p_base, p_last;
    END IF;
    IF cardinality(p_judged.marked) > 0 THEN
        EXECUTE format(
            'WITH marked AS MATERIALIZED (
                 SELECT r.record, m.mark::jsonb AS mark
                   FROM unnest($2, $3) AS m (position, mark)
                   JOIN chancery.%3$I r ON r.position = m.position
                  WHERE r.record > $4 AND r.record <= $5),
             flagged AS (
                 INSERT INTO chancery.%1$I (record, run_id, score, hits)
                 SELECT m.record, $1, (m.mark ->> ''score'')::bigint, m.mark -> ''hits'' FROM marked m
                  WHERE (m.mark ->> ''flagged'')::boolean
                 RETURNING record),
             alerts AS (
                 INSERT INTO chancery.%2$I (record, rule, run_id, message, raised_at)
                 SELECT m.record, h ->> ''rule'', $1, h ->> ''message'', clock_timestamp()
                   FROM marked m CROSS JOIN LATERAL jsonb_array_elements(m.mark -> ''hits'') h
                  WHERE h ->> ''action'' = ''Alert''
                 RETURNING record)
             SELECT (SELECT count(*) FROM flagged), (SELECT count(*) FROM alerts)',
            'flags_' || p_run, 'alerts_' || p_run, 'records_' || p_run)
           INTO flagged, alerts
          USING p_run, p_judged.marked, p_judged.marks, p_base, p_last;
        IF alerts > 0 THEN
            PERFORM chancery.event_alerts(p_run, p_base, p_last);
        END IF;
    END IF;
END
$$;
