//! What sources hold, and what becomes of it.

use chancery_kit::{Offered, TestLedger, TestRun};
use serde_json::json;

use crate::{counted, file, holds, lines};

/// Reads these files, and makes sure of what was made of them.
async fn reads(files: &[&[String]], batch_size: i64) -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    for (number, lines) in files.iter().enumerate() {
        file(folder.path(), &format!("{number}.txt"), lines.iter().cloned())?;
    }
    let run = TestRun::new().batch_size(batch_size).keys(2).reads("files", folder.path());
    let run = run.created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    holds(&run, &Offered::lines(files.concat())).await
}

#[tokio::test]
async fn a_source_of_nothing_is_a_run_of_no_record_which_completes() -> anyhow::Result<()> {
    reads(&[&[]], 10).await
}

#[tokio::test]
async fn a_source_of_one_line_is_a_run_of_one_record() -> anyhow::Result<()> {
    reads(&[&lines(0, 1).collect::<Vec<_>>()], 10).await
}

#[tokio::test]
async fn lines_for_exactly_a_batch_are_one_batch() -> anyhow::Result<()> {
    reads(&[&lines(0, 10).collect::<Vec<_>>()], 10).await
}

#[tokio::test]
async fn what_comes_twice_within_a_file_or_in_two_files_is_signed_once() -> anyhow::Result<()> {
    let one: Vec<String> = lines(0, 15_000).chain(lines(3, 30)).collect();
    let two: Vec<String> = lines(14_000, 16_000).collect();
    reads(&[&one, &two, &one], 100).await
}

#[tokio::test]
async fn two_intakes_at_once_share_the_work_and_read_nothing_twice() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let mut offered = Vec::new();
    for number in 0..12 {
        let lines: Vec<String> = lines(number * 2_000, number * 2_000 + 2_100).collect();
        file(folder.path(), &format!("{number}.txt"), lines.iter().cloned())?;
        offered.extend(lines);
    }
    let run = TestRun::new().batch_size(1_000).keys(2).reads("files", folder.path());
    let run = run.created(&ledger).await?.stocked().await?;
    let (mut one, mut two) = (run.start_intake("one").await?, run.start_intake("two").await?);
    for (code, log) in [one.ended().await?, two.ended().await?] {
        assert_eq!(code, Some(0), "{log}");
    }
    holds(&run, &Offered::lines(offered)).await
}

#[tokio::test]
async fn several_sources_are_read_and_each_arrival_names_its_own() -> anyhow::Result<()> {
    let (ledger, one, two) = (TestLedger::new().await?, tempfile::tempdir()?, tempfile::tempdir()?);
    file(one.path(), "a.ndjson", lines(0, 50).chain(["no json".to_owned()]))?;
    file(two.path(), "b.txt", lines(40, 60))?;
    let run = TestRun::new().keys(1).reads_as("json", one.path(), &json!({"type": "NDJSON"}));
    let run = run.reads("text", two.path()).created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    let offered = Offered::lines(lines(0, 50).chain(lines(40, 60))).with_dead(["no json"]);
    holds(&run, &offered).await?;
    let of_text = "SELECT count(*) FROM chancery.records WHERE run_id = $1 AND source = 2";
    let of_text: i64 = sqlx::query_scalar(of_text).bind(run.run.id).fetch_one(ledger.ledger.pool()).await?;
    assert!((10..=20).contains(&of_text), "whichever came first: {of_text}");
    let dead: (String, String, Vec<u8>) = sqlx::query_as(
        "SELECT stage, reason, raw FROM chancery.arrivals WHERE run_id = $1 AND state = 'Dead'",
    )
    .bind(run.run.id)
    .fetch_one(ledger.ledger.pool())
    .await?;
    assert_eq!((dead.0.as_str(), dead.2.as_slice()), ("Parse", b"no json".as_slice()), "{}", dead.1);
    Ok(())
}

#[tokio::test]
async fn a_run_without_idempotency_signs_each_payload_and_leaves_no_digest() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 30).chain(lines(0, 30)))?;
    let run = TestRun::new().keys(1).reads("files", folder.path()).without_idempotency();
    let run = run.created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    assert_eq!(counted(&run).await?, (60, 60, 0, 0));
    run.finish().await?;
    let digests: i64 =
        sqlx::query_scalar("SELECT count(*) FROM chancery.digests").fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(digests, 0);
    Ok(())
}

#[tokio::test]
async fn an_object_that_changed_since_it_was_listed_is_one_dead_arrival() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 30))?;
    file(folder.path(), "b.txt", lines(30, 40))?;
    let run = TestRun::new().keys(1).reads("files", folder.path());
    let run = run.created(&ledger).await?.stocked().await?;
    // Listed by an intake that then ends.
    crate::interrupted::list(&run).await?;
    file(folder.path(), "a.txt", lines(100, 200))?;
    run.take_in().await?;
    holds(&run, &Offered::lines(lines(30, 40)).with_dead([""])).await?;
    let reason: String =
        sqlx::query_scalar("SELECT reason FROM chancery.arrivals WHERE run_id = $1 AND stage = 'Fetch'")
            .bind(run.run.id)
            .fetch_one(ledger.ledger.pool())
            .await?;
    assert!(reason.starts_with("the object changed while it was read"), "{reason}");
    Ok(())
}

#[tokio::test]
async fn payloads_that_begin_alike_are_different_ones() -> anyhow::Result<()> {
    let alike = "x".repeat(5_000);
    let offered: Vec<String> = (0..20).map(|number| format!("{alike}{}", number / 2)).collect();
    reads(&[&offered], 4).await
}
