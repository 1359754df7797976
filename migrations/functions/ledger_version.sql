-- The newest migration of this ledger; readable by signers, intakes and gateways, which may not see the table.
CREATE OR REPLACE FUNCTION chancery.ledger_version() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT max(version) FROM chancery.schema_migrations
$$;

GRANT EXECUTE ON FUNCTION chancery.ledger_version() TO chancery_signer;
GRANT EXECUTE ON FUNCTION chancery.ledger_version() TO chancery_intake;
GRANT EXECUTE ON FUNCTION chancery.ledger_version() TO chancery_delivery;
GRANT EXECUTE ON FUNCTION chancery.ledger_version() TO chancery_auditor;
GRANT EXECUTE ON FUNCTION chancery.ledger_version() TO chancery_gateway;
