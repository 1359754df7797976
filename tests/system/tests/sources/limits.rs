//! The most records, the most dead letters, and no room for more.

use chancery_kit::{Offered, TestLedger, TestRun, eventually};
use chancery_store::DeadLetter;
use chancery_store::intake::{Admission, Refusal, Task};
use serde_json::json;

use crate::{counted, counts, file, holds, lines, payloads};

#[tokio::test]
async fn what_lies_beyond_the_most_records_was_not_offered_and_the_split_says_where_it_stopped()
-> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let offered: Vec<String> = lines(0, 40).chain(lines(5, 15)).chain(lines(40, 200)).collect();
    file(folder.path(), "a.txt", offered.iter().cloned())?;
    let run = TestRun::new().keys(1).reads("files", folder.path()).record_limit(57);
    let run = run.created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    // 40, ten duplicates, 17 more.
    assert_eq!(counted(&run).await?, (67, 57, 10, 0));
    assert_eq!(payloads(&run).await?, lines(0, 57).collect::<Vec<_>>());
    let stopped: i64 =
        sqlx::query_scalar("SELECT position FROM chancery.splits WHERE run_id = $1 AND done_at IS NULL")
            .bind(run.run.id)
            .fetch_one(ledger.ledger.pool())
            .await?;
    let read: usize = offered[..67].iter().map(|line| line.len() + 1).sum();
    assert_eq!(stopped, i64::try_from(read)?);
    run.finish().await
}

#[tokio::test]
async fn a_limit_at_the_very_end_of_a_source_leaves_nothing_open() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 57))?;
    let run = TestRun::new().keys(1).reads("files", folder.path()).record_limit(57).without_idempotency();
    let run = run.created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    assert_eq!(counted(&run).await?, (57, 57, 0, 0));
    run.finish().await
}

#[tokio::test]
async fn too_many_dead_letters_suspend_a_run_until_it_may_have_more() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let offered = lines(0, 500).flat_map(|line| [line, "no json".to_owned()]);
    file(folder.path(), "a.ndjson", offered)?;
    let run = TestRun::new().keys(1).dead_limit(120);
    let run = run.reads_as("files", folder.path(), &json!({"type": "NDJSON"}));
    let run = run.created(&ledger).await?.stocked().await?;
    let (code, log) = run.start_intake("one").await?.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    let progress = ledger.ledger.progress(&[run.run.id]).await?.pop().expect("the run");
    assert!(progress.too_many_dead && progress.suspended && !progress.sealed, "{progress:?}");
    assert!(counts(&run).await?.dead > 120);
    // Signers have nothing to do meanwhile.
    assert_eq!(run.start_signer("early")?.exit_code().await?, Some(0));
    assert_eq!(run.signed().await?, 0);

    let more = DeadLetter { limit: 500, retention: std::time::Duration::from_secs(1) };
    ledger.ledger.set_dead_letter(&run.run, more).await?;
    run.take_in().await?;
    assert_eq!(counted(&run).await?, (1_000, 500, 0, 500));
    run.finish().await
}

#[tokio::test]
async fn a_run_that_is_held_admits_nothing_and_its_intake_waits_until_it_is_not() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 40))?;
    let run = TestRun::new().keys(1).reads("files", folder.path()).created(&ledger).await?.stocked().await?;
    crate::interrupted::list(&run).await?;
    let mut early = run.intake("early").await?;
    let Task::Read(reading) = early.next().await? else { anyhow::bail!("nothing to read") };
    let mut admission = Admission::from(0);
    admission.payloads.push(b"one");
    admission.positions.push(0);
    admission.next = 10;
    ledger.ledger.hold_intake(run.run.id, Some("there is no room")).await?;
    assert_eq!(early.admit(&reading, &admission).await?, Err(Refusal::Held));
    assert!(early.give_back(&reading.held, None).await?);
    assert!(matches!(early.next().await?, Task::Wait(_)));
    let progress = ledger.ledger.progress(&[run.run.id]).await?.pop().expect("the run");
    assert_eq!((progress.held.as_deref(), progress.suspended), (Some("there is no room"), false));
    let mut intake = run.start_intake("patient").await?;
    eventually("it asks", async || {
        let asks = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'patient' AND query LIKE '%intake_next%'";
        sqlx::query_scalar::<_, i64>(asks).fetch_one(ledger.ledger.pool()).await.is_ok_and(|asking| asking > 0)
    })
    .await;
    assert_eq!(counted(&run).await?, (0, 0, 0, 0));
    ledger.ledger.hold_intake(run.run.id, None).await?;
    let (code, log) = intake.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    holds(&run, &Offered::lines(lines(0, 40))).await
}
