-- Marks a ring filled once each of the keys that it is to have is there. True when it is, or was, marked.
CREATE OR REPLACE FUNCTION chancery.keyring_filled(p_keyring integer) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    -- The row is updated even if another caller has just marked it: whoever waited for that one's commit sees it only in
    -- the row itself, not in a snapshot taken before.
    WITH marked AS (
        UPDATE chancery.keyrings k SET filled_at = coalesce(k.filled_at, clock_timestamp())
         WHERE k.id = p_keyring
           AND (k.filled_at IS NOT NULL
                OR (SELECT count(*) FROM chancery.key_material m JOIN chancery.keys y ON y.id = m.key_id
                     WHERE y.keyring_id = k.id) >= k.key_count)
        RETURNING k.id)
    SELECT EXISTS (SELECT FROM marked)
$$;

GRANT EXECUTE ON FUNCTION chancery.keyring_filled(integer) TO chancery_operator;
