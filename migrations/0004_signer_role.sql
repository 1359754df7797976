-- The signer's role: it may find its run, read the records it signs, and call the functions of
-- the lease protocol. Everything else is the owner's.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'chancery_signer') THEN
        CREATE ROLE chancery_signer NOLOGIN;
    END IF;
EXCEPTION
    -- Roles belong to the whole server: another ledger on it may have made this one, even now.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

-- Lets the owner hand its own connection to a signer that it starts (SET ROLE). From PostgreSQL 16 on
-- who creates a role may administer it, but not yet take it on.
DO $$
BEGIN
    IF current_setting('server_version_num')::integer >= 160000 THEN
        IF NOT pg_has_role(current_user, 'chancery_signer', 'SET') THEN
            EXECUTE format('GRANT chancery_signer TO %I WITH SET TRUE', current_user);
        END IF;
    ELSIF NOT pg_has_role(current_user, 'chancery_signer', 'MEMBER') THEN
        EXECUTE format('GRANT chancery_signer TO %I', current_user);
    END IF;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA chancery FROM PUBLIC;
GRANT USAGE ON SCHEMA chancery TO chancery_signer;
GRANT SELECT ON chancery.runs, chancery.keyrings, chancery.records TO chancery_signer;
GRANT EXECUTE ON FUNCTION
    chancery.lease_acquire(integer, text, bigint, bigint),
    chancery.lease_renew(bigint),
    chancery.batch_store(bigint, bigint, bytea[], boolean),
    chancery.lease_abandon(bigint),
    chancery.ledger_version()
TO chancery_signer;
