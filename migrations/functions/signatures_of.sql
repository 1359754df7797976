-- The signatures of those of these records that are signed, with the SHA-256 of their payloads, and the rules that flagged them, as JSON, or
-- null. Nothing of a run that is being
-- deleted.
--
-- With p_payload_bytes, and where the envelope of the ring has the payload in it, the payloads come along, and the rows end with the record
-- with which those have so many bytes.
--
-- The run's own tables are named: asked by their parents, the server would choose among the tables of all runs each time.
CREATE OR REPLACE FUNCTION chancery.signatures_of(p_run integer, p_run_uid uuid, p_records bigint[], p_payload_bytes bigint)
RETURNS TABLE (record bigint, digest bytea, key_id uuid, signature bytea, signed_at text, flags text, payload bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_is_whole boolean;
    v_found text;
    v_chosen text;
    v_query text;
BEGIN
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid AND r.deleted_at IS NULL;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT p_payload_bytes > 0 AND k.envelope::text IN ('JWS', 'COSESign1', 'DSSE') INTO v_is_whole
      FROM chancery.keyrings k WHERE k.id = v_run.keyring_id;
    v_found := '(CASE WHEN c.first_record <= c.last_record AND c.last_record < 9223372036854775807
                              THEN int8range(c.first_record, c.last_record, ''[]'') END) @> n.record LIMIT 1';
    -- Which ones, by nothing but the lengths of their payloads: what is beyond costs neither its payload nor its signature.
    v_chosen := CASE WHEN v_is_whole THEN format(
        '(SELECT w.record, w.place
            FROM (SELECT n.record, n.place, sum(octet_length(r.payload)) OVER (ORDER BY n.place) - octet_length(r.payload) AS before
                    FROM unnest($1) WITH ORDINALITY AS n (record, place)
                   CROSS JOIN LATERAL (SELECT 1 FROM chancery.%1$I c WHERE %3$s) b
                    JOIN chancery.%2$I r ON r.record = n.record) w
           WHERE w.before < $3 OFFSET 0) AS n', 'signature_blocks_' || p_run, 'records_' || p_run, v_found)
        ELSE 'unnest($1) WITH ORDINALITY AS n (record, place)' END;
    v_query := format(
        'SELECT n.record, coalesce(r.digest, sha256(r.payload)) AS digest, l.key_id,
                substring(b.signatures FROM ((n.record - b.first_record) * b.bytes + 1)::integer FOR b.bytes::integer) AS signature,
                to_char(l.signed_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"'') AS signed_at, %3$s AS flags, %4$s
           FROM %5$s
          CROSS JOIN LATERAL (
                 SELECT c.first_record, c.lease_id, c.signatures,
                        octet_length(c.signatures) / (c.last_record - c.first_record + 1) AS bytes
                   FROM chancery.%1$I c
                  WHERE %6$s) b
           JOIN chancery.leases l ON l.id = b.lease_id AND l.run_id = $2
           JOIN chancery.%2$I r ON r.record = n.record
          ORDER BY n.place', 'signature_blocks_' || p_run, 'records_' || p_run,
        CASE WHEN v_run.policy_hash IS NULL THEN 'NULL::text'
             ELSE format('(SELECT f.hits::text FROM chancery.%I f WHERE f.record = n.record)', 'flags_' || p_run) END,
        CASE WHEN v_is_whole THEN 'r.payload' ELSE 'NULL::bytea' END, v_chosen, v_found);
    RETURN QUERY EXECUTE v_query USING p_records, p_run, p_payload_bytes;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.signatures_of(integer, uuid, bigint[], bigint) TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery.signatures_of(integer, uuid, bigint[], bigint) TO chancery_gateway;
