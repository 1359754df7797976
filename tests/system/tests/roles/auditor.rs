//! The auditor's role may read everything but private keys, and change nothing.

use chancery_kit::{Chancery, TestLedger, TestRun};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{PERMISSION_DENIED, assert_denied, refusal, stored, tables};

/// What no audit reads: private keys, data keys, and which functions are in place.
const HIDDEN: [&str; 3] = ["data_keys", "functions", "key_material"];

async fn auditor(ledger: &TestLedger) -> anyhow::Result<PgConnection> {
    let mut connection = PgConnection::connect(&ledger.url).await?;
    sqlx::raw_sql("SET ROLE chancery_auditor").execute(&mut connection).await?;
    Ok(connection)
}

#[tokio::test]
async fn an_auditor_reads_every_table_but_no_private_key() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let _run = TestRun::new().seeded(&ledger).await?;
    let mut auditor = auditor(&ledger).await?;
    for (table, _) in tables(&ledger).await? {
        // An auditor reads from the tables of all runs.
        if table.ends_with("_1") {
            continue;
        }
        let refused = refusal(&mut auditor, &format!("TABLE chancery.{table}")).await?;
        let expected = HIDDEN.contains(&table.as_str()).then_some(PERMISSION_DENIED);
        assert_eq!(refused.as_deref(), expected, "{table}");
    }
    assert_eq!(refusal(&mut auditor, "SELECT key_id, public_key FROM chancery.key_material").await?, None);
    let told = "SELECT keyring_id, kek_fingerprint, wrapped_at FROM chancery.data_keys";
    assert_eq!(refusal(&mut auditor, told).await?, None);
    assert_denied(&mut auditor, "SELECT wrapped FROM chancery.data_keys").await?;
    assert_denied(&mut auditor, "SELECT wrapped_key FROM chancery.key_material").await
}

#[tokio::test]
async fn an_auditor_changes_nothing_and_takes_no_part_in_signing() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let before = ledger.fingerprint().await?;
    let mut auditor = auditor(&ledger).await?;
    for (table, column) in stored(&ledger).await? {
        for statement in [
            format!("INSERT INTO chancery.{table} DEFAULT VALUES"),
            format!("UPDATE chancery.{table} SET {column} = NULL"),
            format!("DELETE FROM chancery.{table}"),
            format!("TRUNCATE chancery.{table}"),
        ] {
            assert_denied(&mut auditor, &statement).await?;
        }
    }
    for call in crate::CALLABLE.into_iter().filter(|name| *name != "ledger_version") {
        let refused: bool = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT NOT has_function_privilege(oid, 'EXECUTE') FROM pg_proc
              WHERE pronamespace = 'chancery'::regnamespace AND proname = '{call}'"
        )))
        .fetch_one(&mut auditor)
        .await?;
        assert!(refused, "{call}");
    }
    assert_eq!(ledger.fingerprint().await?, before);
    run.finish().await
}

#[tokio::test]
async fn a_login_that_is_nothing_but_an_auditor_audits_and_exports() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().named("audited").seeded(&ledger).await?;
    run.finish().await?;
    ledger.execute("CREATE ROLE inspector LOGIN IN ROLE chancery_auditor").await?;
    let inspector = Chancery::on(&ledger.url.replace("user=chancery", "user=inspector"))?;
    inspector.run(&["verify", "audited"]).await?.expect_code(0)?;
    let exported = inspector.run(&["export", "audited", "signatures"]).await?.expect_code(0)?;
    assert_eq!(exported.stdout.lines().count(), 200);
    Ok(())
}

#[tokio::test]
async fn the_owner_audits_with_the_rights_of_an_auditor() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().named("audited").seeded(&ledger).await?;
    run.finish().await?;
    // What an auditor may not read, an audit by the owner cannot either.
    ledger.execute("REVOKE SELECT ON chancery.signature_blocks FROM chancery_auditor").await?;
    let refused = Chancery::on(&ledger.url)?.run(&["verify", "audited"]).await?;
    assert!(refused.stderr.contains("permission denied for table signature_blocks"), "{}", refused.stderr);
    Ok(())
}
