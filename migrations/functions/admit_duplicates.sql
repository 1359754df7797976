-- Stores those payloads of a call as duplicates that did not become records in it. In the run's turn, and the transaction
-- that stored the records: by now each digest of the call is the ring's, and says whose it is. When there was no room
-- for more records (p_admitted = p_room), what comes after the last one is left alone.
CREATE OR REPLACE FUNCTION chancery.admit_duplicates(
    p_run integer, p_keyring integer, p_source integer, p_split integer, p_payloads bytea[], p_positions bigint[],
    p_admitted bigint, p_room bigint, p_last_position bigint) RETURNS void
LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    EXECUTE format(
        'INSERT INTO chancery.%2$I (source, split, position, run_id, state, digest, duplicate_run, duplicate_record, arrived_at)
         SELECT $1, $2, h.position, $3, ''Duplicate'', h.digest, d.run_id, d.record, clock_timestamp()
           FROM (SELECT a.position, sha256(a.payload) AS digest FROM unnest($4, $5) AS a (payload, position)
                  WHERE $6 < $7 OR a.position <= $8 OFFSET 0) h
           JOIN chancery.%1$I d ON d.digest = h.digest AND d.keyring_id = $9
           LEFT JOIN chancery.%3$I r ON r.record = d.record AND r.run_id = d.run_id
          WHERE (d.run_id <> $3 OR r.source <> $1 OR r.split <> $2 OR r.position <> h.position) IS TRUE',
        'digests_' || p_keyring, 'arrivals_' || p_run, 'records_' || p_run)
      USING p_source, p_split, p_run, p_payloads, p_positions, p_admitted, p_room, p_last_position, p_keyring;
END
$$;
