-- The signers' role: it may find its run, read the records it signs, and call functions of the lease protocol; each
-- file of functions/ says whether signers may call it. Everything else is the owner's.
--
-- Every program that migrates looks whether the role has these rights, and runs this file when one is missing. A role
-- belongs to its server and is in no dump: a ledger that is restored on another server comes without it.

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
-- a role that creates another may administer it, but not yet take it on.
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

GRANT USAGE ON SCHEMA chancery TO chancery_signer;
GRANT SELECT ON chancery.ledger, chancery.runs, chancery.keyrings, chancery.records TO chancery_signer;
-- A signer makes sure that a key which it opened is the one whose public key the ledger holds: else
-- it would sign a batch that nobody can verify.
GRANT SELECT (key_id, public_key) ON chancery.key_material TO chancery_signer;

-- Signers read the records of their run from the run's own table; run_create says why.
DO $$
DECLARE
    v_table regclass;
BEGIN
    FOR v_table IN
        SELECT i.inhrelid FROM pg_inherits i
         WHERE i.inhparent = 'chancery.records'::regclass
           AND NOT has_table_privilege('chancery_signer', i.inhrelid, 'SELECT')
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO chancery_signer', v_table);
    END LOOP;
END
$$;
