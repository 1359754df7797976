-- Prolongs a lease by the run's lease duration from now on, and returns that duration in seconds:
-- it may have been changed since the lease was granted. Null when the lease is no longer the
-- caller's: taken over, given back, or run out without anybody having noticed yet. And when its run is being deleted.
--
-- A lease never gets shorter, even when the clock was set back since it was granted.
CREATE OR REPLACE FUNCTION chancery.lease_renew(p_lease bigint) RETURNS double precision
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
    UPDATE chancery.leases l SET expires_at = greatest(l.expires_at, clock_timestamp() + r.lease_duration)
      FROM chancery.runs r
     WHERE l.id = p_lease AND r.id = l.run_id AND r.deleted_at IS NULL AND (l.outcome IS NULL) IS TRUE AND l.expires_at > clock_timestamp()
    RETURNING extract(epoch FROM r.lease_duration)::double precision
$$;

GRANT EXECUTE ON FUNCTION chancery.lease_renew(bigint) TO chancery_signer;
