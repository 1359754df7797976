-- What the roles of a ledger may do in it, granted by its owner. administrator.sql makes the roles, and says what each is
-- for. Every program that migrates looks whether they have these rights, and no others, and runs this file when not.
--
-- Each login of a run is in chancery_signer, and reads the records of its own run besides (login_bind). So what is
-- granted here to that role is everybody's who signs anything: nothing that is one run's. Each file of functions/ says
-- whether signers may call it; those that they may call look at the login first (run_of_session). A login of an intake, in
-- chancery_intake, reads no table but the ledger's uid, and calls the functions that intake_of_session guards; one of a delivery, in chancery_delivery,
-- those that delivery_of_session guards. A gateway, in chancery_gateway, reads no table but that either, and calls the functions by which records are pushed and shown.
--
-- Everything else is the owner's.

GRANT USAGE ON SCHEMA chancery TO chancery_signer, chancery_intake, chancery_delivery, chancery_auditor, chancery_gateway;

GRANT SELECT ON chancery.ledger TO chancery_signer, chancery_intake, chancery_delivery, chancery_gateway;
-- Whoever starts a signer hands it the one data key that it needs.
REVOKE ALL ON chancery.data_keys, chancery.run_secrets FROM chancery_signer;

-- What signers read until each run had a login of its own; and private keys, which are given out by lease_key alone.
REVOKE ALL ON chancery.runs, chancery.keyrings, chancery.records, chancery.key_material FROM chancery_signer;
REVOKE ALL (key_id, public_key) ON chancery.key_material FROM chancery_signer;
DO $$
DECLARE
    v_table regclass;
BEGIN
    FOR v_table IN
        SELECT i.inhrelid FROM pg_inherits i
         WHERE i.inhparent = 'chancery.records'::regclass
           AND has_table_privilege('chancery_signer', i.inhrelid, 'SELECT')
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM chancery_signer', v_table);
    END LOOP;
END
$$;

GRANT SELECT ON
    chancery.admissions, chancery.alerts, chancery.answers, chancery.arrivals, chancery.batch_roots, chancery.batches, chancery.deleted_runs, chancery.deliveries, chancery.delivery_moves, chancery.digests, chancery.events,
    chancery.flags, chancery.generated_chunks, chancery.generated_sources, chancery.intakes, chancery.judgements,
    chancery.kept_digests, chancery.keyrings, chancery.keys, chancery.leases, chancery.ledger, chancery.letter_acts, chancery.letter_moves, chancery.logins, chancery.manifests, chancery.notifications, chancery.originals,
    chancery.pendings, chancery.policies, chancery.pushes, chancery.records, chancery.run_secrets, chancery.runs,
    chancery.schema_migrations, chancery.signature_blocks, chancery.signatures, chancery.sinks, chancery.sources, chancery.splits, chancery.statements, chancery.traces
    TO chancery_auditor;
REVOKE ALL ON chancery.key_material FROM chancery_auditor;
GRANT SELECT (key_id, public_key) ON chancery.key_material TO chancery_auditor;
REVOKE ALL ON chancery.data_keys FROM chancery_auditor;
GRANT SELECT (keyring_id, kek_fingerprint, wrapped_at) ON chancery.data_keys TO chancery_auditor;

-- Operators make, watch and delete runs by functions, and read what auditors read: they are members of that role. A data key
-- is opened, and wrapped anew, with the KEK, which the database never has. They change neither records nor batches,
-- keys, leases or signatures, and read no private key.
GRANT USAGE ON SCHEMA chancery TO chancery_operator;
GRANT SELECT ON chancery.data_keys, chancery.functions TO chancery_operator;
GRANT UPDATE (wrapped, kek_fingerprint, wrapped_at) ON chancery.data_keys TO chancery_operator;
GRANT UPDATE (suspended, lease_duration, deleted_at, too_many_dead) ON chancery.runs TO chancery_operator;
GRANT UPDATE (dead_limit, dead_retention, sweep_at, held) ON chancery.intakes TO chancery_operator;
-- Appended by statement_append and batch_roots_keep alone.
REVOKE INSERT ON chancery.batch_roots, chancery.statements FROM chancery_operator;
GRANT INSERT, UPDATE ON chancery.run_secrets TO chancery_operator;

-- By which whoever makes logins knows the ledger (administrator.sql).
DO $$
BEGIN
    EXECUTE format('COMMENT ON SCHEMA chancery IS %L', 'the ledger ' || (SELECT l.uid FROM chancery.ledger l));
END
$$;
