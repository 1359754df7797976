-- Stores those payloads of a call as duplicates, up to the place p_last, that are not among p_new, the places of those that
-- became records. By now what each payload of the call is known by is the ring's, and says whose it is.
CREATE OR REPLACE FUNCTION chancery.admit_duplicates(
    p_run integer, p_keyring integer, p_source integer, p_split integer, p_digests bytea[], p_identities bytea[], p_positions bigint[],
    p_new bigint[], p_last bigint) RETURNS void
LANGUAGE plpgsql SET work_mem = '32MB' AS $$
BEGIN
    EXECUTE format(
        'INSERT INTO chancery.%2$I (source, split, position, run_id, state, digest, identity, duplicate_run, duplicate_record, arrived_at)
         SELECT $1, $2, h.position, $3, ''Duplicate'', h.digest, h.identity, d.run_id, d.record, clock_timestamp()
           FROM (SELECT a.position, a.digest, a.identity
                   FROM unnest($4, $9, $5) WITH ORDINALITY AS a (digest, identity, position, n)
                  WHERE a.n <= $6 AND a.n NOT IN (SELECT unnest($7)) OFFSET 0) h
          CROSS JOIN LATERAL (SELECT k.run_id, k.record FROM chancery.%1$I k
                               WHERE k.digest = coalesce(h.identity, h.digest) AND k.keyring_id = $8 LIMIT 1) d',
        'digests_' || p_keyring, 'arrivals_' || p_run)
      USING p_source, p_split, p_run, p_digests, p_positions, p_last, p_new, p_keyring, p_identities;
END
$$;
