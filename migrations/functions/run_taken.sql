-- Bytes that a run takes of the database, about: what a run of generated records will have taken once it is complete, and what
-- one with sources has by now, once that is signed. See run_bytes.
CREATE OR REPLACE FUNCTION chancery.run_taken(p_run integer) RETURNS numeric
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT chancery.part_bytes('deliveries_' || p_run) + chancery.part_bytes('events_' || p_run)
                 + coalesce(chancery.run_bytes(g.record_count, g.record_count, g.record_size, r.batch_size, s.bytes),
                            -- Beside its payloads, a record has its digest, once more in an index, and its position. Arrivals that
                            -- are no records, with what was kept of them, what waits, and what a policy and others said of records are taken
                            -- as they are.
                            i.payload_bytes * 1.25 + (i.received - i.admitted) * 60
                                + (SELECT coalesce(sum(chancery.part_bytes(t || '_' || p_run)), 0)
                                     FROM unnest(ARRAY['arrivals', 'flags', 'alerts', 'originals', 'pendings', 'answers', 'traces']) AS p (t))
                                + (SELECT coalesce(sum(o.listed_bytes), 0) FROM chancery.sources o WHERE o.run_id = p_run)
                                + chancery.run_bytes(i.admitted, i.admitted, 150, r.batch_size, s.bytes))
              FROM chancery.runs r
              JOIN chancery.keyrings k ON k.id = r.keyring_id
             CROSS JOIN LATERAL chancery.signature_bytes(k.algorithm, k.key_size, k.envelope) AS s (bytes)
              LEFT JOIN chancery.generated_sources g ON g.run_id = r.id
              LEFT JOIN chancery.intakes i ON i.run_id = r.id
             WHERE r.id = p_run);
END
$$;

GRANT EXECUTE ON FUNCTION chancery.run_taken(integer) TO chancery_operator;
