-- The logins of runs: with each, one run is signed, and nothing else seen of the ledger. A role of this name is made and
-- dropped by chancery_logins.change (administrator.sql); it may be missing, as it is on a server on which the
-- ledger was just restored.

CREATE TABLE chancery.logins (
    -- chancery_LEDGER_rRUN_NUMBER.
    name    name PRIMARY KEY,
    -- Without a foreign key: what is left of a run that is gone has to be found, and dropped.
    run_id  integer NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (name ~ '^chancery_[0-9a-f]{12}_r[1-9][0-9]{0,9}_[0-9a-f]{8}$')
);
CREATE INDEX logins_by_run ON chancery.logins (run_id);
