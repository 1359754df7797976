//! Sources that ask to be told of each of their records: which are told, how often, and what becomes of one that is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chancery_kit::{Conduct, DeliveryProcess, SeededRun, TestLedger, TestRun, WebhookServer, eventually};
use chancery_store::DeliverySession;
use chancery_store::delivery::{NotificationTask, Reached, RecordEvent};
use serde_json::{Value, json};

use crate::{LONG, refused_event, sign, told_of};

const NOWHERE: &str = "http://127.0.0.1:1/events";

/// So many payloads of a folder's one file, each a line.
fn folder(name: &str, lines: usize) -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let text = (0..lines).fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{{\"id\":\"{name} {line}\"}}");
        text
    });
    std::fs::write(folder.path().join("a.txt"), text)?;
    Ok(folder)
}

/// A run that is signed, of so many records that ask for confirmations, in batches of so many.
async fn confirmed<'l>(
    ledger: &'l TestLedger,
    url: &str,
    records: usize,
    batch_size: i64,
) -> anyhow::Result<SeededRun<'l>> {
    let files = folder("a", records)?;
    let run = TestRun::new().batch_size(batch_size).reads("files", files.path()).confirming("files");
    let run = run.telling("ops", url, &["record.signed"]).created(ledger).await?.stocked().await?;
    run.take_in().await?;
    sign(&run).await?;
    Ok(run)
}

/// Of the notification, of how many events it was told, and how many were given up.
async fn told(run: &SeededRun<'_>) -> anyhow::Result<(i64, i64)> {
    let at = run.ledger.ledger.notifications_progress(&[run.run.id]).await?;
    Ok((at[0].told, at[0].dead))
}

async fn start(run: &SeededRun<'_>, holder: &str) -> anyhow::Result<DeliveryProcess> {
    DeliveryProcess::start(&run.delivery_url().await?, &run.run.name, holder, &[], &[])
}

async fn ends(mut delivery: DeliveryProcess) -> anyhow::Result<()> {
    let (code, log) = delivery.ended().await?;
    anyhow::ensure!(code == Some(0), "the delivery ended with {code:?}: {log}");
    Ok(())
}

#[tokio::test]
async fn each_record_of_a_source_that_asks_is_told_of_and_no_other() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let server = WebhookServer::saying(|_| Value::Null).await?;
    let (asks, silent) = (folder("asks", 25)?, folder("silent", 25)?);
    let ndjson = json!({"type": "NDJSON"});
    let run = TestRun::new().batch_size(4);
    let run = run.reads_as("asks", asks.path(), &ndjson).reads_as("silent", silent.path(), &ndjson);
    let run = run.confirming("asks").known_by("record.id").telling("ops", &server.url(), &["record.signed"]);
    let run = run.telling("others", NOWHERE, &["delivery.dead"]).created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    sign(&run).await?;
    ends(start(&run, "one").await?).await?;
    assert_eq!(told(&run).await?, (25, 0));

    let stored: Vec<(i64, i64, String, String, i64, String)> = sqlx::query_as(
        "SELECT r.record, b.batch, encode(r.digest, 'hex'), encode(r.identity, 'hex'), r.position, l.key_id::text
           FROM chancery.records r JOIN chancery.batches b ON r.record BETWEEN b.first_record AND b.last_record
           JOIN chancery.leases l ON l.id = b.lease_id WHERE r.source = 1 ORDER BY r.record",
    )
    .fetch_all(ledger.ledger.pool())
    .await?;
    let events = server.events();
    assert_eq!((stored.len(), events.len()), (25, 25), "{events:?}");
    let by_id: BTreeMap<_, _> = events.iter().map(|event| (event["id"].to_string(), event)).collect();
    for (record, batch, digest, identity, position, key) in stored {
        let id = format!("{}/record.signed/{batch}/{record}", run.run.uid);
        let event = by_id[&json!(id).to_string()];
        assert_eq!(
            (&event["type"], &event["subject"]),
            (&json!("dev.chancery.record.signed"), &json!(format!("records/{record}")))
        );
        let signed_at = &event["data"]["signedAt"];
        assert!(signed_at.as_str().is_some_and(|at| at.ends_with('Z')), "{event}");
        let wanted = json!({
            "record": record, "batch": batch, "digest": digest, "identity": identity, "key": key, "signedAt": signed_at,
            "source": "asks", "split": 1, "position": position,
        });
        assert_eq!(event["data"], wanted);
    }
    run.assert_audit_holds().await
}

#[tokio::test]
async fn whoever_dies_between_two_records_tells_some_twice_under_the_same_ids() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let server = WebhookServer::saying(|_| Value::Null).await?;
    let run = confirmed(&ledger, &server.url(), 300, 300).await?;
    let delivery = start(&run, "dead").await?;
    eventually("some are told, and the ledger knows", async || {
        told(&run).await.is_ok_and(|(told, _)| told > 0)
    })
    .await;
    server.conduct(Conduct::Silent);
    delivery.kill().await?;
    server.conduct(Conduct::Answers);
    ledger.ledger.release_deliveries(&run.run, &["dead".to_owned()]).await?;
    let before = told(&run).await?.0;
    let came = server.events().len();
    ends(start(&run, "next").await?).await?;
    assert_eq!(told(&run).await?, (300, 0));
    let events = server.events();
    let distinct: BTreeSet<_> = events.iter().map(ToString::to_string).collect();
    let ids: BTreeSet<_> = events.iter().map(|event| event["id"].to_string()).collect();
    assert_eq!((distinct.len(), ids.len()), (300, 300), "what comes again is the same");
    let again = i64::try_from(events.len() - came)?;
    assert_eq!(again, 300 - before, "what was noted is told of no more");
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_record_that_is_refused_holds_up_no_other_and_comes_again_by_itself() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let server = WebhookServer::saying(|_| Value::Null).await?;
    server.conduct(Conduct::RefusesWhatHas("\"record\":13,"));
    let run = confirmed(&ledger, &server.url(), 20, 10).await?;
    let delivery = start(&run, "one").await?;
    let waits = "SELECT count(*) FROM chancery.events WHERE what = 'record.signed/2/13' AND state = 'Pending' AND attempts = 1";
    eventually("all but one are told", async || {
        let waits = sqlx::query_scalar::<_, i64>(waits).fetch_one(ledger.ledger.pool()).await;
        waits.is_ok_and(|waits| waits == 1) && told(&run).await.is_ok_and(|told| told == (19, 0))
    })
    .await;
    server.conduct(Conduct::Answers);
    ledger
        .execute(
            "UPDATE chancery.events SET not_before = now() WHERE state = 'Pending' AND token_hash IS NULL",
        )
        .await?;
    ends(delivery).await?;
    assert_eq!(told(&run).await?, (20, 0));
    let events = server.events();
    let of_it: Vec<_> = events.iter().filter(|event| event["data"]["record"] == 13).collect();
    assert!(of_it.len() >= 2 && of_it.iter().all(|event| *event == of_it[0]), "{of_it:?}");
    run.assert_audit_holds().await
}

/// The batch in hand, and its records from where it is.
async fn in_hand(
    delivery: &mut DeliverySession,
    most: i32,
) -> anyhow::Result<(chancery_store::delivery::TakenEvents, Vec<RecordEvent>)> {
    let taken = told_of(delivery, 1, 10).await?;
    let records = delivery.take_records(&taken, most).await?;
    Ok((taken, records))
}

fn reached(batch: i64, record: i64, told: i64) -> [Reached; 1] {
    [Reached { batch: format!("record.signed/{batch}"), record, told }]
}

#[tokio::test]
async fn what_a_receiver_was_told_is_noted_by_whoever_has_the_batch_and_by_no_other() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = confirmed(&ledger, NOWHERE, 10, 10).await?;
    let (mut one, mut other) = (run.delivery("one").await?, run.delivery("other").await?);
    let (taken, records) = in_hand(&mut one, 3).await?;
    assert_eq!(taken.batches, ["record.signed/1"]);
    assert_eq!(records.iter().map(|of| of.record).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(one.note_records(&taken, &reached(1, 2, 2), &[], LONG).await?, 0);
    let after = one.take_records(&taken, 100).await?;
    assert_eq!(after.iter().map(|of| of.record).collect::<Vec<_>>(), (3..=10).collect::<Vec<_>>());
    ledger.ledger.release_deliveries(&run.run, &["one".to_owned()]).await?;
    let (again, records) = in_hand(&mut other, 100).await?;
    assert_eq!(records, after, "the same events, behind what was noted");
    assert_eq!(one.take_records(&taken, 100).await?, [], "they are another's by now");
    one.note_records(&taken, &reached(1, 10, 8), &[refused_event("record.signed/1/5")], LONG).await?;
    assert_eq!(told(&run).await?, (2, 0), "who is late knows nothing of the receiver");

    // One of them is refused as often as may be.
    let refused = |record: i64| [refused_event(&format!("record.signed/1/{record}"))];
    assert_eq!(other.note_records(&again, &reached(1, 10, 7), &refused(5), LONG).await?, 0);
    assert_eq!(other.take_records(&again, 100).await?, []);
    assert_eq!(other.settle_events(&again, &again.batches).await?, 1);
    assert_eq!(told(&run).await?, (9, 0));
    for attempts in 1..3 {
        let taken = told_of(&mut other, 1, 10).await?;
        let event = &taken.events[0];
        assert_eq!((event.what.as_str(), event.attempts), ("record.signed/1/5", attempts));
        let of_batch = after.iter().find(|of| of.record == 5).map(|of| &of.event);
        let same = of_batch.map(|of| (&of.what, &of.happened_at, &of.data));
        assert_eq!(same, Some((&event.what, &event.happened_at, &event.data)), "it is the same event");
        other.fail_events(&taken, &refused(5)).await?;
    }
    assert!(matches!(other.take_events(1, 10, LONG).await?, NotificationTask::Done));
    assert_eq!(told(&run).await?, (9, 1));
    run.assert_audit_holds().await
}

#[tokio::test]
async fn the_ledger_refuses_what_would_lose_or_double_the_confirmation_of_a_record() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = confirmed(&ledger, NOWHERE, 10, 10).await?;
    ledger.execute("UPDATE chancery.events SET told_to = 5, told = 4").await?;
    for sql in [
        "UPDATE chancery.events SET told_to = 4",
        "UPDATE chancery.events SET told = 3",
        "UPDATE chancery.events SET told_to = NULL, told = NULL",
        "UPDATE chancery.events SET told = NULL",
        "UPDATE chancery.sources SET confirm = false",
        "INSERT INTO chancery.events (what, notification, run_id, told_to, told) VALUES ('record.signed/1/5', 1, 1, 5, 1)",
    ] {
        let refusal = ledger.execute(sql).await.expect_err(sql).to_string();
        assert!(refusal.contains("never change") || refusal.contains("violates"), "{sql}: {refusal}");
    }
    drop(run);
    Ok(())
}
