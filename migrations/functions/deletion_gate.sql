-- Waits until no deletion waits for audits: those that began before it. Whoever begins an audit or an export passes here first:
-- where some reader is always at work, none would ever leave the tables of all runs to a deletion (part_detach). After ten
-- seconds it goes on all the same, for that deletion may wait for an audit of hours.
--
-- A statement of its own, before the transaction of the audit, whose snapshot must not be older than its locks.
CREATE OR REPLACE FUNCTION chancery.deletion_gate() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1128814158, -2);
EXCEPTION
    WHEN lock_not_available THEN NULL;
END
$$;

GRANT EXECUTE ON FUNCTION chancery.deletion_gate() TO chancery_auditor;
