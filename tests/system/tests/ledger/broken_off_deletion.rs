//! A run whose deletion was broken off: whatever of it is left is no whole run, and each command says so.

use chancery_kit::{Chancery, SeededRun, TestLedger, TestRun, independent_audit};
use sqlx::AssertSqlSafe;

/// What of a deletion had been done when it was broken off, `N` standing for the run.
const STAGES: [&str; 4] = [
    "",
    "ALTER TABLE chancery.batches DETACH PARTITION chancery.batches_N",
    "DROP TABLE chancery.batches_N",
    "DROP TABLE chancery.records_N; DROP TABLE chancery.signature_blocks_N",
];

async fn assert_all_commands_say_so(run: &SeededRun<'_>, chancery: &Chancery) -> anyhow::Result<()> {
    for command in [
        &["verify", "demo"][..],
        &["export", "demo", "records"],
        &["export", "demo", "signatures"],
        &["export", "demo", "keys"],
        &["export", "demo", "leases"],
    ] {
        let ended = chancery.run(command).await?.expect_code(2)?;
        let says = "the run default/demo is being deleted";
        assert!(ended.stderr.contains(says), "{command:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("`chancery delete default/demo`"), "{command:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{command:?}");
    }
    match independent_audit(&run.ledger.url, "default", "demo").await {
        Ok(report) => assert!(report.is_none(), "it was audited: {report:?}"),
        Err(error) => assert!(error.to_string().contains("is being deleted"), "{error:#}"),
    }
    let status = chancery.run(&["status", "demo"]).await?.expect_code(0)?;
    assert!(status.stdout.contains("Deleting"), "{}", status.stdout);
    Ok(())
}

#[tokio::test]
async fn a_run_whose_deletion_was_broken_off_is_neither_audited_nor_exported() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    run.finish().await?;
    let chancery = Chancery::on(&ledger.url)?;
    ledger.execute("UPDATE chancery.runs SET deleted_at = now()").await?;
    for stage in STAGES {
        ledger.execute(AssertSqlSafe(stage.replace("_N", &format!("_{}", run.run.id)))).await?;
        assert_all_commands_say_so(&run, &chancery).await?;
    }
    chancery.run(&["delete", "demo"]).await?.expect_code(0)?;
    let gone = chancery.run(&["verify", "demo"]).await?.expect_code(2)?;
    assert!(gone.stderr.contains("there is no run default/demo"), "{}", gone.stderr);
    Ok(())
}

#[tokio::test]
async fn a_broken_off_deletion_breaks_no_law_of_other_runs_on_the_ring() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let going = TestRun::new().keyring("ring").seeded(&ledger).await?;
    going.finish().await?;
    let other = TestRun::new().named("other").keyring("ring").seeded_beside(&going).await?;
    other.finish().await?;
    ledger
        .execute(AssertSqlSafe(format!(
            "UPDATE chancery.runs SET deleted_at = now() WHERE id = {}",
            going.run.id
        )))
        .await?;
    for stage in STAGES {
        ledger.execute(AssertSqlSafe(stage.replace("_N", &format!("_{}", going.run.id)))).await?;
        other.assert_audit_holds().await?;
        Chancery::on(&ledger.url)?.run(&["verify", "--keyring", "ring"]).await?.expect_code(0)?;
    }
    Ok(())
}
