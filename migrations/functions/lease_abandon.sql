-- Gives the holder's own key and batch back unsigned, at once. False when the lease is no longer open, or was not
-- granted to the caller, or is one of another run than the login's.
CREATE OR REPLACE FUNCTION chancery.lease_abandon(p_lease bigint, p_token bytea) RETURNS boolean
LANGUAGE sql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
    SELECT CASE
        WHEN EXISTS (SELECT FROM chancery.leases l WHERE l.id = p_lease AND l.token_hash = sha256(p_token)
                        AND (l.run_id = chancery.run_of_session()) IS TRUE)
        THEN chancery.lease_give_back(p_lease)
        ELSE false
    END
$$;

GRANT EXECUTE ON FUNCTION chancery.lease_abandon(bigint, bytea) TO chancery_signer;
