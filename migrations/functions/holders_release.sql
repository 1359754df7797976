-- Gives back whatever holders that are known to be dead still hold in a run, also in one that was
-- deleted while its ring goes on. Returns how many leases that were. For the owner: a signer cannot list the leases of others.
CREATE OR REPLACE FUNCTION chancery.holders_release(p_run integer, p_holders text[]) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) FROM (
        SELECT l.id FROM chancery.leases l
         WHERE l.keyring_id = coalesce((SELECT r.keyring_id FROM chancery.runs r WHERE r.id = p_run),
                                       (SELECT d.keyring_id FROM chancery.deleted_runs d WHERE d.run_id = p_run))
           AND l.run_id = p_run AND l.released_at IS NULL AND l.outcome IS NULL
           AND l.holder = ANY (p_holders)) held
     WHERE chancery.lease_give_back(held.id)
$$;

GRANT EXECUTE ON FUNCTION chancery.holders_release(integer, text[]) TO chancery_operator;
