-- The signatures of those of these records that are signed, with the SHA-256 of their payloads. Nothing of a run that is being
-- deleted.
--
-- The run's own tables are named: asked by their parents, the server would choose among the tables of all runs each time.
CREATE OR REPLACE FUNCTION chancery.signatures_of(p_run integer, p_run_uid uuid, p_records bigint[])
RETURNS TABLE (record bigint, digest bytea, key_id uuid, signature bytea, signed_at text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid AND r.deleted_at IS NULL) THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT n.record, coalesce(r.digest, sha256(r.payload)), l.key_id,
                substring(b.signatures FROM ((n.record - b.first_record) * b.bytes + 1)::integer FOR b.bytes::integer),
                to_char(l.signed_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"'')
           FROM unnest($1) WITH ORDINALITY AS n (record, place)
          CROSS JOIN LATERAL (
                 SELECT c.first_record, c.lease_id, c.signatures,
                        octet_length(c.signatures) / (c.last_record - c.first_record + 1) AS bytes
                   FROM chancery.%1$I c
                  WHERE (CASE WHEN c.first_record <= c.last_record AND c.last_record < 9223372036854775807
                              THEN int8range(c.first_record, c.last_record, ''[]'') END) @> n.record LIMIT 1) b
           JOIN chancery.leases l ON l.id = b.lease_id AND l.run_id = $2
           JOIN chancery.%2$I r ON r.record = n.record
          ORDER BY n.place', 'signature_blocks_' || p_run, 'records_' || p_run)
      USING p_records, p_run;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.signatures_of(integer, uuid, bigint[]) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.signatures_of(integer, uuid, bigint[]) TO chancery_gateway;
