-- Whose a run is, and whose a keyring that has a name. A namespace and a name are found again by whoever next makes an
-- object of them: after a deletion, in a namespace that was made anew, in another cluster. What was stored under the name
-- before is not theirs, unless they show that they may see it.

-- The SigningRun that asks for something, and its namespace.
CREATE TYPE chancery.object AS (
    -- 00000000-0000-0000-0000-000000000000 for `chancery run`, which has no cluster.
    namespace_uid  uuid,
    object_uid     uuid,
    -- When the namespace was made; null without a cluster.
    namespace_made timestamptz
);

-- What a namespace may have in the ledger; null is no limit. run_admit says what is counted.
CREATE TYPE chancery.limits AS (
    run_bytes       bigint,
    key_bits        bigint,
    namespace_runs  bigint,
    namespace_bytes bigint
);

ALTER TABLE chancery.runs
    -- Null for a run of the time before this was kept: the SigningRun that it was made for may say so (run_claim).
    ADD COLUMN namespace_uid uuid,
    -- The object that it was made for, or that took it over. Told to nobody who does not see that object: whoever names
    -- it may take the run over.
    ADD COLUMN object_uid uuid NOT NULL DEFAULT gen_random_uuid(),
    -- The object that it was taken over from.
    ADD COLUMN adopted_from uuid,
    ADD COLUMN adopted_at timestamptz,
    ADD CHECK ((adopted_from IS NULL) = (adopted_at IS NULL));
ALTER TABLE chancery.runs ALTER COLUMN object_uid DROP DEFAULT;

-- The same of a ring. That of a run's own is its run's.
ALTER TABLE chancery.keyrings
    ADD COLUMN namespace_uid uuid,
    -- The object whose run made it, or took it over.
    ADD COLUMN object_uid uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN adopted_from uuid,
    ADD COLUMN adopted_at timestamptz,
    ADD CHECK ((adopted_from IS NULL) = (adopted_at IS NULL));
ALTER TABLE chancery.keyrings ALTER COLUMN object_uid DROP DEFAULT;
