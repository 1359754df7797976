-- Prolongs a lease by the run's lease duration from now on, and returns that duration in seconds:
-- it may have been changed since the lease was granted. Null when the lease is no longer the
-- caller's: taken over or given back, or of another ledger, or of another run than the login's; and when its run is being
-- deleted. A lease that has run out without anybody having taken it back is still the caller's.
--
-- A lease never gets shorter: its holder counts on the duration that it was told last, and may not have heard of this.
CREATE OR REPLACE FUNCTION chancery.lease_renew(p_lease bigint, p_token bytea) RETURNS double precision
LANGUAGE sql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
    UPDATE chancery.leases l
       SET duration = greatest(l.duration, r.lease_duration), doubted_at = NULL,
           expires_at = clock_timestamp() + greatest(l.duration, r.lease_duration)
      FROM chancery.runs r
     WHERE l.id = p_lease AND l.token_hash = sha256(p_token) AND (l.outcome IS NULL) IS TRUE
       AND (l.run_id = chancery.run_of_session()) IS TRUE
       AND r.id = l.run_id AND r.deleted_at IS NULL
    RETURNING extract(epoch FROM r.lease_duration)::double precision
$$;

GRANT EXECUTE ON FUNCTION chancery.lease_renew(bigint, bytea) TO chancery_signer;
