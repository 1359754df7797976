-- Closes the gaps in the numbers of a call's digests, some of which the ring had before, and takes out those that there is
-- no room for. Returns the places in the call of those that become records, in order, and the last place that counts:
-- what comes after the last record that there is room for was not offered.
CREATE OR REPLACE FUNCTION chancery.admit_numbers(
    p_run integer, p_keyring integer, p_base bigint, p_room bigint, p_digests bytea[], OUT new bigint[], OUT last bigint)
LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    EXECUTE format(
        'SELECT ARRAY (SELECT a.n FROM unnest($1) WITH ORDINALITY AS a (digest, n)
                        WHERE (SELECT d.run_id = $2 AND d.record = $3 + a.n FROM chancery.%I d
                                WHERE d.digest = a.digest AND d.keyring_id = $4)
                        ORDER BY a.n)', 'digests_' || p_keyring)
       INTO new USING p_digests, p_run, p_base, p_keyring;
    last := cardinality(p_digests);
    IF cardinality(new) >= p_room THEN
        last := new[p_room];
        EXECUTE format(
            'DELETE FROM chancery.%I d
              WHERE d.keyring_id = $1 AND d.run_id = $2 AND d.record > $3
                AND d.digest = ANY (ARRAY (SELECT a.digest FROM unnest($4) WITH ORDINALITY AS a (digest, n) WHERE a.n > $5))',
            'digests_' || p_keyring)
          USING p_keyring, p_run, p_base + last, p_digests, last;
        new := new[1:p_room];
    END IF;
    -- Numbered here, and not by joining the lists: with these settings each place of one would be looked for all through the other.
    -- So would each digest of the table in the list, where the server takes the table to be small. By their places in the table, which
    -- no index knows, only the list can come first. The rows are this transaction's own.
    EXECUTE format(
        'UPDATE chancery.%1$I d SET record = $1 + w.place
           FROM (SELECT (SELECT k.ctid FROM chancery.%1$I k WHERE k.digest = b.digest AND k.keyring_id = $4) AS tid, b.place
                   FROM (SELECT a.digest, a.n, row_number() OVER (ORDER BY a.n) AS place
                           FROM unnest($2) WITH ORDINALITY AS a (digest, n)
                          WHERE a.n = ANY ($3)) b
                  WHERE b.n <> b.place OFFSET 0) w
          WHERE d.ctid = w.tid', 'digests_' || p_keyring)
      USING p_base, p_digests, new, p_keyring;
END
$$;
