-- Stores payloads as the records p_base + 1, p_base + 2 and so on, at most p_room of them, and those that repeat a
-- record of the ring as duplicates. Returns how many came to be either; the sum of the records' lengths; and the position of
-- the last record. What comes after the last record that there is room for is left alone.
--
-- In the run's turn. The run's own tables are named: asked by their parents, the server would choose among the tables of all
-- runs each time.
CREATE OR REPLACE FUNCTION chancery.admit_payloads(
    p_run integer, p_keyring integer, p_idempotency chancery.idempotency, p_base bigint, p_room bigint,
    p_source integer, p_split integer, p_payloads bytea[], p_positions bigint[],
    OUT admitted bigint, OUT duplicates bigint, OUT bytes bigint, OUT last_position bigint)
LANGUAGE plpgsql SET work_mem = '32MB'
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_digests bigint;
BEGIN
    IF p_idempotency = 'None' THEN
        EXECUTE format(
            'WITH stored AS (
                 INSERT INTO chancery.%I (record, run_id, payload, source, split, position)
                 SELECT $1 + a.n, $2, a.payload, $3, $4, a.position
                   FROM unnest($5, $6) WITH ORDINALITY AS a (payload, position, n)
                  WHERE a.n <= $7
                  ORDER BY a.n
                 RETURNING octet_length(payload) AS bytes, position)
             SELECT count(*), 0, coalesce(sum(s.bytes), 0), max(s.position) FROM stored s', 'records_' || p_run)
           INTO admitted, duplicates, bytes, last_position
          USING p_base, p_run, p_source, p_split, p_payloads, p_positions, p_room;
        RETURN;
    END IF;
    LOOP
        BEGIN
            EXECUTE format(
                'WITH hashed AS MATERIALIZED (
                     SELECT a.n, a.payload, a.position, sha256(a.payload) AS digest
                       FROM unnest($5, $6) WITH ORDINALITY AS a (payload, position, n)
                 ), first AS (
                     -- The first of the same ones in this call, if the ring has none of them.
                     SELECT h.*, row_number() OVER (PARTITION BY h.digest ORDER BY h.n) = 1
                                 AND (SELECT d.record FROM chancery.%1$I d
                                       WHERE d.digest = h.digest AND d.keyring_id = $8) IS NULL AS is_new
                       FROM hashed h
                 ), numbered AS MATERIALIZED (
                     SELECT f.*, count(*) FILTER (WHERE f.is_new) OVER (ORDER BY f.n) AS place FROM first f
                 ), offered AS MATERIALIZED (
                     SELECT o.* FROM numbered o WHERE o.place - o.is_new::integer < $7
                 ), digests AS (
                     INSERT INTO chancery.%1$I (digest, record, keyring_id, run_id)
                     SELECT o.digest, $1 + o.place, $8, $2 FROM offered o WHERE o.is_new ORDER BY o.digest
                     ON CONFLICT DO NOTHING
                     RETURNING 1
                 ), records AS (
                     INSERT INTO chancery.%2$I (record, run_id, payload, digest, source, split, position)
                     SELECT $1 + o.place, $2, o.payload, o.digest, $3, $4, o.position
                       FROM offered o WHERE o.is_new ORDER BY o.n
                     RETURNING octet_length(payload) AS bytes, position
                 )
                 SELECT r.records, (SELECT count(*) FROM offered o) - r.records, r.bytes, r.last_position,
                        (SELECT count(*) FROM digests)
                   FROM (SELECT count(*) AS records, coalesce(sum(bytes), 0) AS bytes, max(position) AS last_position
                           FROM records) r', 'digests_' || p_keyring, 'records_' || p_run)
               INTO admitted, duplicates, bytes, last_position, v_digests
              USING p_base, p_run, p_source, p_split, p_payloads, p_positions, p_room, p_keyring;
            IF v_digests <> admitted THEN
                RAISE EXCEPTION 'another run of the ring has admitted some of these' USING ERRCODE = 'CH022';
            END IF;
            EXIT;
        EXCEPTION
            WHEN SQLSTATE 'CH022' THEN NULL;
        END;
    END LOOP;
    IF duplicates > 0 THEN
        PERFORM chancery.admit_duplicates(p_run, p_keyring, p_source, p_split, p_payloads, p_positions, admitted, p_room, last_position);
    END IF;
END
$$;
