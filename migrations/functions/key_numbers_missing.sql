-- Numbers of keys that a ring of p_key_count keys lacks, p_most of them at the most: from the one after p_after on, and from
-- 1 on after the last. Keys are made one after the other, so the first that is looked at is mostly one of them: a ring
-- of thousands of keys is not counted anew with each key.
CREATE OR REPLACE FUNCTION chancery.key_numbers_missing(
    p_keyring integer, p_key_count integer, p_after integer, p_most integer) RETURNS integer[]
LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
DECLARE
    v_after bigint := p_after;
BEGIN
    -- Numbers in a list of results come one by one; as a table, all would be made first.
    RETURN ARRAY(
        SELECT n.number
          FROM (SELECT ((v_after + generate_series(0, p_key_count - 1)) % p_key_count)::integer + 1 AS number) n
         WHERE NOT EXISTS (SELECT FROM chancery.keys k WHERE k.keyring_id = p_keyring AND k.number = n.number)
         LIMIT p_most);
END
$$;
