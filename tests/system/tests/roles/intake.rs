//! The login of an intake may admit records to its run, and nothing else.

use std::collections::BTreeSet;

use chancery_kit::{SeededRun, TestLedger, TestRun};
use sqlx::{Connection, PgConnection};

use crate::{assert_denied, refusal, stored};

pub(crate) const CALLABLE: [&str; 14] = [
    "admit",
    "intake_give_back",
    "intake_next",
    "intake_policy",
    "intake_renew",
    "intake_run",
    "ledger_version",
    "pendings_put_off",
    "pendings_settle",
    "pendings_take",
    "replay_list",
    "replay_read",
    "source_listed",
    "splits_add",
];

pub(crate) async fn run<'l>(
    ledger: &'l TestLedger,
    folder: &std::path::Path,
) -> anyhow::Result<SeededRun<'l>> {
    std::fs::write(folder.join("a.txt"), "one\ntwo\n")?;
    TestRun::new().keys(1).reads("files", folder).created(ledger).await?.stocked().await
}

pub(crate) async fn by_intake(run: &SeededRun<'_>) -> anyhow::Result<PgConnection> {
    Ok(PgConnection::connect(&run.intake_url().await?).await?)
}

#[tokio::test]
async fn an_intake_reads_the_ledgers_uid_and_no_other_table_and_writes_to_none() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = run(&ledger, folder.path()).await?;
    let mut intake = by_intake(&run).await?;
    let before = ledger.fingerprint().await?;
    assert_denied(&mut intake, "TABLE chancery.signatures").await?;
    for (table, column) in stored(&ledger).await? {
        let read = format!("TABLE chancery.{table}");
        if table == "ledger" {
            assert_eq!(refusal(&mut intake, &read).await?, None, "{read}");
        } else {
            assert_denied(&mut intake, &read).await?;
        }
        for statement in [
            format!("INSERT INTO chancery.{table} DEFAULT VALUES"),
            format!("UPDATE chancery.{table} SET {column} = NULL"),
            format!("DELETE FROM chancery.{table}"),
            format!("TRUNCATE chancery.{table}"),
        ] {
            assert_denied(&mut intake, &statement).await?;
        }
    }
    assert_eq!(ledger.fingerprint().await?, before);
    run.take_in().await?;
    run.finish().await
}

#[tokio::test]
async fn an_intake_calls_what_admits_records_and_no_other_function() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = run(&ledger, folder.path()).await?;
    let mut intake = by_intake(&run).await?;
    // Of a strict function with a null, the server makes a null without asking who may call it: so it is asked that.
    let callable: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT p.proname::text FROM pg_proc p
          WHERE p.pronamespace = 'chancery'::regnamespace AND has_function_privilege(p.oid, 'EXECUTE')",
    )
    .fetch_all(&mut intake)
    .await?;
    let callable: BTreeSet<_> = callable.iter().map(String::as_str).collect();
    assert_eq!(callable, BTreeSet::from(CALLABLE));
    run.take_in().await?;
    run.finish().await
}

#[tokio::test]
async fn the_login_of_a_signer_is_no_runs_intake_and_that_of_an_intake_no_runs_signer() -> anyhow::Result<()>
{
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = run(&ledger, folder.path()).await?;
    let mut signer = crate::by_login(&run).await?;
    assert_denied(&mut signer, "SELECT chancery.intake_next('me', sha256('x'))").await?;
    let mut intake = by_intake(&run).await?;
    assert_denied(&mut intake, "SELECT chancery.signer_run('default', 'demo')").await?;
    // Were the roles mixed up, the functions would still look at what the login is for.
    for role in ["chancery_signer", "chancery_intake"] {
        ledger.execute(sqlx::AssertSqlSafe(format!("GRANT {role} TO {}", run.login.name()))).await?;
    }
    let task: String = sqlx::query_scalar("SELECT task FROM chancery.intake_next('me', sha256('x'))")
        .fetch_one(&mut crate::by_login(&run).await?)
        .await?;
    assert_eq!(task, "unknown");
    run.take_in().await?;
    run.finish().await
}
