-- Stores payloads as the records p_base + 1, p_base + 2 and so on, at most p_room of them, and those that repeat a
-- record of the ring as duplicates; p_digests are theirs, or null for a run that looks for none, and p_identities what they are
-- known by, or null where that is their digest. p_repeats says whether the run has met a duplicate before: it only saves time.
-- Returns how many came to be either; the sum of the records' lengths; and the position of the last record. What comes after
-- the last record that there is room for is left alone.
--
-- In the run's turn. The run's own tables are named: asked by their parents, the server would choose among the tables of all
-- runs each time.
CREATE OR REPLACE FUNCTION chancery.admit_payloads(
    p_run integer, p_keyring integer, p_digests bytea[], p_identities bytea[], p_base bigint, p_room bigint,
    p_source integer, p_split integer, p_payloads bytea[], p_positions bigint[], p_repeats boolean,
    OUT admitted bigint, OUT duplicates bigint, OUT bytes bigint, OUT last_position bigint)
LANGUAGE plpgsql SET work_mem = '32MB' AS $$
DECLARE
    v_given bigint := cardinality(p_payloads);
    v_insert text;
    v_known bytea[] := coalesce(p_identities, p_digests);
    -- Places in the call: of those that become records, and of the last that is looked at.
    v_new bigint[];
    v_last bigint := v_given;
BEGIN
    IF p_digests IS NOT NULL THEN
        -- In the order of the digests: see admit. Each is given the number that it has if all before it are new. Of the same
        -- ones, the first stays.
        v_insert := format(
            'INSERT INTO chancery.%I (digest, record, keyring_id, run_id)
             SELECT a.digest, $1 + a.n, $2, $3 FROM unnest($4) WITH ORDINALITY AS a (digest, n) ORDER BY a.digest, a.n',
            'digests_' || p_keyring);
        -- To look for each one before it is stored costs as much as to store it. As long as nothing was found twice, it is not
        -- done until something is: what was stored by then is taken back, and this call's digests are stored from the first on.
        IF NOT p_repeats THEN
            BEGIN
                EXECUTE v_insert USING p_base, p_keyring, p_run, v_known;
                GET DIAGNOSTICS admitted = ROW_COUNT;
            EXCEPTION WHEN unique_violation THEN
                admitted := NULL;
            END;
        END IF;
        IF admitted IS NULL THEN
            EXECUTE v_insert || ' ON CONFLICT DO NOTHING' USING p_base, p_keyring, p_run, v_known;
            GET DIAGNOSTICS admitted = ROW_COUNT;
        END IF;
        IF admitted < v_given OR admitted > p_room THEN
            SELECT c.new, c.last INTO v_new, v_last
              FROM chancery.admit_numbers(p_run, p_keyring, p_base, p_room, v_known) c;
        END IF;
    ELSIF v_given > p_room THEN
        v_last := p_room;
        v_new := ARRAY (SELECT generate_series(1, p_room));
    END IF;
    IF v_new IS NULL THEN
        -- Lists side by side, and not a join of functions, which would store all payloads once more on their way.
        EXECUTE format(
            'INSERT INTO chancery.%I (record, run_id, payload, digest, identity, source, split, position)
             SELECT $1 + generate_series(1, cardinality($5)), $2, unnest($5), unnest($6), unnest($7), $3, $4, unnest($8)',
            'records_' || p_run)
          USING p_base, p_run, p_source, p_split, p_payloads, p_digests, p_identities, p_positions;
        admitted := v_given;
        last_position := p_positions[v_given];
        bytes := (SELECT coalesce(sum(p.bytes), 0) FROM (SELECT octet_length(unnest(p_payloads)) AS bytes) p);
    ELSE
        EXECUTE format(
            'WITH stored AS (
                 INSERT INTO chancery.%I (record, run_id, payload, digest, identity, source, split, position)
                 SELECT $1 + w.place, $2, a.payload, a.digest, a.identity, $3, $4, a.position
                   FROM unnest($5, $6, $7, $8) WITH ORDINALITY AS a (payload, digest, identity, position, n)
                   JOIN unnest($9) WITH ORDINALITY AS w (n, place) ON w.n = a.n
                  ORDER BY w.place
                 RETURNING octet_length(payload) AS bytes, position)
             SELECT count(*), coalesce(sum(s.bytes), 0), max(s.position) FROM stored s', 'records_' || p_run)
           INTO admitted, bytes, last_position
          USING p_base, p_run, p_source, p_split, p_payloads, p_digests, p_identities, p_positions, v_new;
    END IF;
    duplicates := v_last - admitted;
    IF duplicates > 0 THEN
        PERFORM chancery.admit_duplicates(
            p_run, p_keyring, p_source, p_split, p_digests, p_identities, p_positions, v_new, v_last);
    END IF;
END
$$;
