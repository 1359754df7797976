-- Writes down that a policy raised alerts about the records behind p_base, up to p_last: how many by each rule, and about which. One
-- event tells of all of them. No message, which may repeat a payload.
CREATE OR REPLACE FUNCTION chancery.event_alerts(p_run integer, p_base bigint, p_last bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_alerts record;
    v_about record;
BEGIN
    IF NOT chancery.event_wanted(p_run, 'policy.alert') THEN
        RETURN;
    END IF;
    EXECUTE format(
        'WITH raised AS (SELECT a.record, left(a.rule, 63) AS rule FROM chancery.%I a WHERE a.record > $1 AND a.record <= $2),
              counted AS (SELECT r.rule, count(*) AS number FROM raised r GROUP BY r.rule ORDER BY count(*) DESC, r.rule LIMIT 20)
         SELECT (SELECT count(*) FROM raised) AS number, (SELECT min(r.record) FROM raised r) AS first,
                (SELECT jsonb_agg(f.record) FROM (SELECT DISTINCT r.record FROM raised r ORDER BY r.record LIMIT 100) f) AS records,
                (SELECT jsonb_object_agg(c.rule, c.number) FROM counted c) AS rules', 'alerts_' || p_run)
       INTO v_alerts USING p_base, p_last;
    -- All records of a call are of one split.
    EXECUTE format('SELECT min(r.source) AS source, min(r.split) AS split, array_agg(r.position) AS places FROM chancery.%I r
                     WHERE r.record IN (SELECT a.record FROM chancery.%I a WHERE a.record > $1 AND a.record <= $2)',
                   'records_' || p_run, 'alerts_' || p_run)
       INTO v_about USING p_base, p_last;
    PERFORM chancery.event_write(
        p_run, 'policy.alert', v_alerts.first::text,
        jsonb_build_object('policy', (SELECT r.policy_name FROM chancery.runs r WHERE r.id = p_run), 'count', v_alerts.number,
                           'records', v_alerts.records, 'rules', v_alerts.rules),
        chancery.trace_of(p_run, v_about.source, v_about.split, v_about.places));
END
$$;
