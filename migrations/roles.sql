-- Two roles, which log in by themselves nowhere.
--
-- chancery_signer may find its run, read the records it signs, and call functions of the lease protocol; each
-- file of functions/ says whether signers may call it.
--
-- chancery_auditor may read everything but private keys, and change nothing.
--
-- Everything else is the owner's. Every program that migrates looks whether the roles have these rights, and runs this
-- file when one is missing. A role belongs to its server and is in no dump: a ledger that is restored on another server
-- comes without it.

DO $$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['chancery_signer', 'chancery_auditor'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = v_role) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
            END IF;
        EXCEPTION
            -- Roles belong to the whole server: another ledger on it may have made this one, even now.
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
        -- Lets the owner hand its own connection to a signer that it starts, and to an audit (SET ROLE). From
        -- PostgreSQL 16 on a role that creates another may administer it, but not yet take it on.
        IF current_setting('server_version_num')::integer >= 160000 THEN
            IF NOT pg_has_role(current_user, v_role, 'SET') THEN
                EXECUTE format('GRANT %I TO %I WITH SET TRUE', v_role, current_user);
            END IF;
        ELSIF NOT pg_has_role(current_user, v_role, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO %I', v_role, current_user);
        END IF;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA chancery TO chancery_signer, chancery_auditor;

GRANT SELECT ON chancery.ledger, chancery.runs, chancery.keyrings, chancery.records TO chancery_signer;
-- Keys are given out by lease_key alone.
REVOKE ALL ON chancery.key_material FROM chancery_signer;
REVOKE ALL (key_id, public_key) ON chancery.key_material FROM chancery_signer;
-- Whoever starts a signer hands it the one data key that it needs.
REVOKE ALL ON chancery.data_keys, chancery.run_secrets FROM chancery_signer;

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

GRANT SELECT ON
    chancery.admissions, chancery.batch_roots, chancery.batches, chancery.deleted_runs, chancery.generated_chunks,
    chancery.generated_sources, chancery.keyrings, chancery.keys, chancery.leases, chancery.ledger, chancery.records,
    chancery.run_secrets, chancery.runs, chancery.schema_migrations, chancery.signatures, chancery.statements
    TO chancery_auditor;
REVOKE ALL ON chancery.key_material FROM chancery_auditor;
GRANT SELECT (key_id, public_key) ON chancery.key_material TO chancery_auditor;
REVOKE ALL ON chancery.data_keys FROM chancery_auditor;
GRANT SELECT (keyring_id, kek_fingerprint, wrapped_at) ON chancery.data_keys TO chancery_auditor;
