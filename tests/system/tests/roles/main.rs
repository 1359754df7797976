//! The login of a run may do what the signing loop does for that run, and nothing else. What there is to be refused is
//! read from the catalogue: a new table or function cannot be forgotten.

mod attacks;
mod auditor;
mod delivery;
mod forged;
mod gateway;
mod intake;
mod keys;
mod makers;
mod operator;
mod replayed;
mod server;
mod stolen_intake;
mod stolen_listing;
mod stolen_login;
mod stolen_push;

use std::collections::BTreeSet;

use chancery_kit::{SeededRun, TestLedger, TestRun, throw_away};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// The ledger's uid, and the records of the run that has the number 1.
const READABLE: [&str; 2] = ["ledger", "records_1"];
pub(crate) const CALLABLE: [&str; 10] = [
    "batch_store",
    "key_add",
    "keys_missing",
    "leases_durable",
    "ledger_version",
    "lease_abandon",
    "lease_acquire",
    "lease_key",
    "lease_renew",
    "signer_run",
];

pub(crate) const PERMISSION_DENIED: &str = "42501";

/// A connection by the login of a run.
pub(crate) async fn by_login(run: &SeededRun<'_>) -> anyhow::Result<PgConnection> {
    Ok(PgConnection::connect(&run.url()?).await?)
}

/// The SQLSTATE with which a statement is refused; none when it is not.
pub(crate) async fn refusal(connection: &mut PgConnection, sql: &str) -> anyhow::Result<Option<String>> {
    match sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await {
        Ok(_) => Ok(None),
        Err(sqlx::Error::Database(refusal)) => Ok(Some(refusal.code().unwrap_or_default().into_owned())),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn assert_denied(connection: &mut PgConnection, sql: &str) -> anyhow::Result<()> {
    assert_eq!(refusal(connection, sql).await?.as_deref(), Some(PERMISSION_DENIED), "{sql}");
    Ok(())
}

/// Every table of the ledger, partitions included, each with a column that a statement could set.
pub(crate) async fn tables(ledger: &TestLedger) -> anyhow::Result<Vec<(String, String)>> {
    let tables: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.relname::text,
                (SELECT quote_ident(a.attname) FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attidentity = '' AND a.attgenerated = ''
                  ORDER BY a.attnum LIMIT 1)
           FROM pg_class c
          WHERE c.relnamespace = 'chancery'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
          ORDER BY 1",
    )
    .fetch_all(ledger.ledger.pool())
    .await?;
    let names: BTreeSet<_> = tables.iter().map(|(name, _)| name.as_str()).collect();
    for known in [
        "admissions",
        "batches",
        "functions",
        "generated_chunks",
        "key_material",
        "keys",
        "leases",
        "signature_blocks",
        "signatures",
    ] {
        assert!(names.contains(known), "{known} is in the catalogue");
    }
    Ok(tables)
}

/// The same without views: PostgreSQL itself refuses to change anything through those that the ledger has, whoever asks.
pub(crate) async fn stored(ledger: &TestLedger) -> anyhow::Result<Vec<(String, String)>> {
    let views = "SELECT viewname::text FROM pg_views WHERE schemaname = 'chancery'";
    let views: Vec<String> = sqlx::query_scalar(views).fetch_all(ledger.ledger.pool()).await?;
    let mut owner = PgConnection::connect(&ledger.url).await?;
    for view in &views {
        let insert = format!("INSERT INTO chancery.{view} DEFAULT VALUES");
        assert_eq!(refusal(&mut owner, &insert).await?.as_deref(), Some("55000"), "{view}");
    }
    Ok(tables(ledger).await?.into_iter().filter(|(table, _)| !views.contains(table)).collect())
}

/// A call of every function of the ledger, with nothing but nulls.
pub(crate) async fn calls(ledger: &TestLedger) -> anyhow::Result<Vec<(String, String)>> {
    Ok(sqlx::query_as(
        "SELECT p.proname::text,
                format('SELECT chancery.%I(%s)', p.proname,
                       (SELECT string_agg(format('NULL::%I.%I', n.nspname, t.typname), ', ' ORDER BY a.position)
                          FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (oid, position)
                          JOIN pg_type t ON t.oid = a.oid
                          JOIN pg_namespace n ON n.oid = t.typnamespace))
           FROM pg_proc p WHERE p.pronamespace = 'chancery'::regnamespace ORDER BY 1",
    )
    .fetch_all(ledger.ledger.pool())
    .await?)
}

#[tokio::test]
async fn a_signer_reads_the_records_of_its_run_and_the_ledgers_uid_and_no_other_table() -> anyhow::Result<()>
{
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let mut signer = by_login(&run).await?;
    for (table, _) in tables(&ledger).await? {
        let read = format!("TABLE chancery.{table}");
        if READABLE.contains(&table.as_str()) {
            assert_eq!(refusal(&mut signer, &read).await?, None, "{read}");
        } else {
            assert_denied(&mut signer, &read).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_signer_writes_to_no_table() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let before = ledger.fingerprint().await?;
    let mut signer = by_login(&run).await?;
    for (table, column) in stored(&ledger).await? {
        for statement in [
            format!("INSERT INTO chancery.{table} DEFAULT VALUES"),
            format!("UPDATE chancery.{table} SET {column} = NULL"),
            format!("DELETE FROM chancery.{table}"),
            format!("TRUNCATE chancery.{table}"),
            format!("SELECT {column} FROM chancery.{table} FOR UPDATE"),
            format!("LOCK TABLE chancery.{table}"),
        ] {
            if !statement.starts_with("LOCK") {
                assert_denied(&mut signer, &statement).await?;
                continue;
            }
            // A lock must not stand in the way of others; it needs a transaction to say so.
            assert_denied(&mut signer, &format!("BEGIN; {statement}")).await?;
            sqlx::raw_sql("ROLLBACK").execute(&mut signer).await?;
        }
    }
    assert_eq!(ledger.fingerprint().await?, before);
    run.finish().await
}

#[tokio::test]
async fn a_signer_calls_the_functions_of_the_lease_protocol_and_no_other() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let functions = calls(&ledger).await?;
    let mut signer = by_login(&run).await?;
    let mut callable = BTreeSet::new();
    for (name, call) in &functions {
        let refused = refusal(&mut signer, call).await?;
        assert!(!matches!(refused.as_deref(), Some("42601" | "42704" | "42883")), "{call}: {refused:?}");
        if refused.as_deref() != Some(PERMISSION_DENIED) {
            callable.insert(name.as_str());
        }
    }
    assert_eq!(callable, BTreeSet::from(CALLABLE));
    let all: BTreeSet<_> = functions.iter().map(|(name, _)| name.as_str()).collect();
    for owners in [
        "holders_release",
        "key_fits",
        "key_join",
        "key_numbers_missing",
        "key_retire",
        "keyring_collect",
        "keyring_delete",
        "keyring_forget",
        "keyring_turn",
        "lease_give_back",
        "records_generate",
        "run_create",
        "run_seal",
        "run_settle",
    ] {
        assert!(all.contains(owners) && !callable.contains(owners), "{owners}");
    }
    Ok(())
}

/// The functions that the page for administrators says a login may call: of signers, of intakes, of deliveries, and of gateways.
fn told() -> Vec<BTreeSet<&'static str>> {
    include_str!("../../../../docs/operating/postgresql.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `EXECUTE` | "))
        .map(|functions| functions.split('`').skip(1).step_by(2).collect())
        .collect()
}

#[test]
fn the_page_on_postgresql_tells_which_functions_logins_may_call() {
    let all = [CALLABLE.as_slice(), &intake::CALLABLE, &delivery::CALLABLE, &gateway::CALLABLE];
    assert_eq!(told(), all.map(|functions| functions.iter().copied().collect::<BTreeSet<_>>()));
}

#[tokio::test]
async fn a_signer_makes_and_alters_nothing() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let mut signer = by_login(&run).await?;
    for statement in [
        "CREATE TABLE chancery.mine (id integer)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION chancery.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE ROLE mine",
        "ALTER TABLE chancery.runs DISABLE TRIGGER ALL",
        "DROP TABLE chancery.signature_blocks",
        "GRANT SELECT ON chancery.keys TO chancery_signer",
        "SET session_replication_role = replica",
        "ALTER FUNCTION chancery.batch_store(bigint, bytea, bigint, bigint, bytea, boolean, chancery.signing_library) SECURITY INVOKER",
    ] {
        assert_denied(&mut signer, statement).await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_runs_with_the_rights_of_the_owner_looks_names_up_where_nobody_else_can_put_any()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let open: Vec<String> = sqlx::query_scalar(
        "SELECT proname::text FROM pg_proc
          WHERE pronamespace = 'chancery'::regnamespace AND prosecdef
            AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)",
    )
    .fetch_all(ledger.ledger.pool())
    .await?;
    assert!(open.is_empty(), "without a safe search_path: {open:?}");
    Ok(())
}

/// Who else than the owner may do what, for the whole ledger.
async fn rights(ledger: &TestLedger) -> anyhow::Result<Vec<String>> {
    let rights = "WITH owned (name, acl, owner) AS (
             SELECT nspname::text, coalesce(nspacl, acldefault('n', nspowner)), nspowner
               FROM pg_namespace WHERE nspname = 'chancery'
             UNION ALL
             SELECT relname::text, relacl, relowner FROM pg_class WHERE relnamespace = 'chancery'::regnamespace
             UNION ALL
             SELECT c.relname || '.' || a.attname, a.attacl, c.relowner
               FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
              WHERE c.relnamespace = 'chancery'::regnamespace
             UNION ALL
             SELECT p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner
               FROM pg_proc p WHERE p.pronamespace = 'chancery'::regnamespace)
         SELECT DISTINCT format('%s of %s to %s', a.privilege_type, name, coalesce(r.rolname, 'PUBLIC'))
           FROM owned CROSS JOIN LATERAL aclexplode(acl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
          WHERE a.grantee <> owner ORDER BY 1";
    Ok(sqlx::query_scalar(rights).fetch_all(ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn what_signers_may_do_is_put_right_by_the_next_program_that_migrates() -> anyhow::Result<()> {
    // A server of its own: a role is one of the whole server.
    let server = throw_away();
    let ledger = TestLedger::create(&server, "ledger").await?;
    let mut run = TestRun::new().seeded(&ledger).await?;
    let sound = rights(&ledger).await?;
    for lost in [
        "DROP OWNED BY chancery_signer; DROP ROLE chancery_signer",
        "DROP OWNED BY chancery_auditor; DROP ROLE chancery_auditor",
        "REVOKE SELECT ON chancery.signatures FROM chancery_auditor",
        "REVOKE SELECT ON chancery.signature_blocks FROM chancery_auditor",
        "REVOKE EXECUTE ON FUNCTION chancery.ledger_version() FROM chancery_auditor",
        "GRANT SELECT ON chancery.key_material TO chancery_auditor",
        "REVOKE USAGE ON SCHEMA chancery FROM chancery_signer",
        "DROP OWNED BY chancery_gateway; DROP ROLE chancery_gateway",
        "DROP OWNED BY chancery_delivery; DROP ROLE chancery_delivery",
        "REVOKE USAGE ON SCHEMA chancery FROM chancery_delivery",
        "REVOKE SELECT ON chancery.deliveries FROM chancery_auditor",
        "REVOKE EXECUTE ON FUNCTION chancery.delivery_sinks() FROM chancery_delivery",
        "REVOKE USAGE ON SCHEMA chancery FROM chancery_gateway",
        "REVOKE SELECT ON chancery.ledger FROM chancery_gateway",
        "REVOKE EXECUTE ON FUNCTION chancery.run_show(text, text) FROM chancery_gateway",
        "REVOKE SELECT ON chancery.ledger FROM chancery_signer",
        "GRANT SELECT ON chancery.runs TO chancery_signer",
        "GRANT SELECT ON chancery.keyrings TO chancery_signer",
        "GRANT SELECT ON chancery.records TO chancery_signer",
        "GRANT SELECT ON chancery.records_1 TO chancery_signer",
        "GRANT SELECT ON chancery.key_material TO chancery_signer",
        "GRANT SELECT ON chancery.data_keys TO chancery_signer",
        "GRANT SELECT (wrapped) ON chancery.data_keys TO chancery_auditor",
        "REVOKE SELECT ON chancery.run_secrets FROM chancery_auditor",
        "GRANT SELECT (key_id, public_key) ON chancery.key_material TO chancery_signer",
        "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA chancery FROM chancery_signer",
        "REVOKE EXECUTE ON FUNCTION chancery.lease_renew(bigint, bytea) FROM chancery_signer",
        "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA chancery TO PUBLIC",
        "GRANT EXECUTE ON FUNCTION chancery.run_remove(integer) TO PUBLIC",
    ] {
        ledger.execute(lost).await?;
        assert_ne!(rights(&ledger).await?, sound, "{lost}");
        ledger.ledger.migrate().await?;
        assert_eq!(rights(&ledger).await?, sound, "{lost}");
    }
    // A role that is gone takes its members' rights along: the run needs another login.
    run.login = ledger.ledger.make_login(&run.run, 10).await?;
    run.finish().await
}

#[tokio::test]
async fn rights_that_are_there_are_left_alone() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let versions = "SELECT array_agg(p.oid::text || ' ' || p.xmin ORDER BY p.oid) FROM pg_proc p
                     WHERE p.pronamespace = 'chancery'::regnamespace";
    let before: Vec<String> = sqlx::query_scalar(versions).fetch_one(ledger.ledger.pool()).await?;
    ledger.ledger.migrate().await?;
    let after: Vec<String> = sqlx::query_scalar(versions).fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(before, after);
    Ok(())
}
