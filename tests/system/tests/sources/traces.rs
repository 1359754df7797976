//! In which trace an event came is known by its place: whatever becomes of it, and however long that takes.

use chancery_kit::{SeededRun, TestLedger, TestRun, WebhookServer};
use chancery_sources::letters::{Selection, Wanted, take_up};
use futures::TryStreamExt as _;
use serde_json::{Value, json};

const NOWHERE: &str = "http://127.0.0.1:1/events";

/// The trace of an event of this number: two after one another have the same, and every fifth has none.
fn trace(number: usize) -> Option<String> {
    (number % 5 != 4).then(|| format!("00-{:032x}-{:016x}-01", number / 2 + 1, number / 2 + 1))
}

fn event(number: usize) -> Value {
    let mut event =
        json!({"specversion": "1.0", "type": "t", "source": "s", "id": number.to_string(), "number": number});
    if let Some(trace) = trace(number) {
        event["traceparent"] = json!(trace);
    }
    event
}

/// So many events of a folder's one file.
fn folder(events: usize) -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let lines: String = (0..events).map(|number| format!("{}\n", event(number))).collect();
    std::fs::write(folder.path().join("a.ndjson"), lines)?;
    Ok(folder)
}

fn reading(folder: &std::path::Path) -> TestRun {
    TestRun::new().reads_as("events", folder, &json!({"type": "CloudEvents"}))
}

/// Of the records that are signed, in which trace each came, by the number of its event.
async fn of_lines(run: &SeededRun<'_>) -> anyhow::Result<Vec<(usize, Option<String>)>> {
    let mut exporter = run.ledger.ledger.export(&run.run.namespace, &run.run.name).await?;
    let lines: Vec<_> = exporter.signed().try_collect().await?;
    let mut found = Vec::new();
    for line in lines {
        let payload: Value = serde_json::from_slice(&line.payload)?;
        found.push((usize::try_from(payload["number"].as_u64().unwrap_or_default())?, line.traceparent));
    }
    found.sort();
    Ok(found)
}

fn wanted(numbers: impl IntoIterator<Item = usize>) -> Vec<(usize, Option<String>)> {
    numbers.into_iter().map(|number| (number, trace(number))).collect()
}

/// What is told of arrivals, and in which trace.
async fn of_events(run: &SeededRun<'_>, event: &str) -> anyhow::Result<Vec<Option<String>>> {
    let all =
        "SELECT traceparent FROM chancery.events WHERE run_id = $1 AND what LIKE $2 || '/%' ORDER BY what";
    let all = sqlx::query_scalar(all).bind(run.run.id).bind(event);
    Ok(all.fetch_all(run.ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn what_waits_for_a_webhook_keeps_its_trace_and_so_does_what_is_read_again() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, folder(12)?);
    let server = WebhookServer::scoring().await?;
    let policy = json!({
        "webhooks": [{"name": "model", "url": server.url(), "adds": "score", "timeout": "1m"}],
        "thresholds": {"flag": 8, "reject": 10},
    });
    let run = reading(folder.path()).judged_by("scored", &policy).sink("out");
    let run = run.telling("ops", NOWHERE, &["record.rejected"]).created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    let (code, log) = run.start_signer("a signer")?.ended().await?;
    anyhow::ensure!(code == Some(0), "{log}");
    assert_eq!(of_lines(&run).await?, wanted(0..10));
    assert_eq!(of_events(&run, "record.rejected").await?, [trace(10)], "both came in one");
    run.deliver().await?;
    run.assert_audit_holds().await?;

    let again =
        TestRun::new().named("again").replays("demo", "All").created_beside(&run).await?.stocked().await?;
    again.take_in().await?;
    again.finish().await?;
    assert_eq!(of_lines(&again).await?, wanted(0..10));
    Ok(())
}

#[tokio::test]
async fn what_is_told_of_several_has_a_trace_if_all_came_in_it_and_what_is_taken_up_again_keeps_it()
-> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, folder(10)?);
    let policy = json!({"validations": [
        {"name": "alerts", "expression": "record.number > 2", "message": "small", "action": "Alert"},
        {"name": "of-six", "expression": "record.number != 6 || record.none == 1", "message": "six"},
        {"name": "not-eight", "expression": "record.number != 8", "message": "eight"},
    ]});
    let run = reading(folder.path()).judged_by("numbers", &policy).dead_limit(0);
    let run = run.telling("ops", NOWHERE, &["record.dead", "record.rejected", "policy.alert"]);
    let run = run.created(&ledger).await?.stocked().await?;
    run.start_intake("an intake").await?.ended().await?;
    assert_eq!(of_events(&run, "record.dead").await?, [trace(6)]);
    assert_eq!(of_events(&run, "record.rejected").await?, [trace(8)]);
    assert_eq!(of_events(&run, "policy.alert").await?, [None], "they came in several");
    let taken = take_up(&ledger.ledger, &run.run, &Selection::of(Wanted::default())?, "somebody").await?;
    assert_eq!(taken.became.dead, 1, "{taken:?}");
    assert_eq!(of_events(&run, "record.dead").await?, [trace(6), trace(6)], "it is the same arrival");
    ledger
        .execute(
            "UPDATE chancery.intakes SET dead_limit = 10; UPDATE chancery.runs SET too_many_dead = false",
        )
        .await?;
    run.take_in().await?;
    run.finish().await?;
    assert_eq!(of_lines(&run).await?, wanted([0, 1, 2, 3, 4, 5, 7, 9]));
    for sql in ["DELETE FROM chancery.traces", "UPDATE chancery.traces SET last_position = last_position + 1"]
    {
        let refusal = ledger.execute(sql).await.expect_err(sql).to_string();
        assert!(refusal.contains("never change"), "{sql}: {refusal}");
    }
    Ok(())
}

#[tokio::test]
async fn runs_whose_sources_have_no_traces_have_no_table_of_them() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    std::fs::write(folder.path().join("a.ndjson"), format!("{}\n", event(1)))?;
    let run = TestRun::new().reads_as("files", folder.path(), &json!({"type": "NDJSON"}));
    let run = run.created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    run.finish().await?;
    assert_eq!(of_lines(&run).await?, [(1, None)], "only an event says in which trace it came");
    let there = "SELECT to_regclass('chancery.traces_' || $1) IS NOT NULL";
    let there: bool = sqlx::query_scalar(there).bind(run.run.id).fetch_one(ledger.ledger.pool()).await?;
    assert!(!there);
    Ok(())
}
