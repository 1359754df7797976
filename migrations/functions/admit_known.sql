-- Which of the payloads of a call a ring knows, of p_payloads that are known by p_known: their places in the call; and how many the others
-- are, each once. A run that looks for no duplicates knows none. In the run's turn; other runs may admit some of these meanwhile, and
-- what is deleted may be forgotten.
CREATE OR REPLACE FUNCTION chancery.admit_known(
    p_keyring integer, p_payloads bigint, p_known bytea[], OUT places bigint[], OUT new bigint)
LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    places := '{}';
    new := p_payloads;
    IF p_known IS NOT NULL THEN
        EXECUTE format(
            'SELECT coalesce(array_agg(k.n ORDER BY k.n) FILTER (WHERE k.is_known), ''{}''),
                    count(DISTINCT k.digest) FILTER (WHERE NOT k.is_known)
               FROM (SELECT a.n, a.digest,
                            (SELECT true FROM chancery.%I d WHERE d.digest = a.digest AND d.keyring_id = $2) IS TRUE AS is_known
                       FROM unnest($1) WITH ORDINALITY AS a (digest, n)) k', 'digests_' || p_keyring)
           INTO places, new USING p_known, p_keyring;
    END IF;
END
$$;
