//! Who is told of what happens to a run: an event is there with what happened, or not at all.

use chancery_kit::{SeededRun, TestLedger, TestRun, eventually};
use chancery_sources::letters::{Selection, Wanted, take_up};
use chancery_store::delivery::{DeliveryRefusal, NotificationTask};
use serde_json::{Value, json};

use crate::{LONG, sign, take, tell_nobody, told_of};

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:1/events";

/// What a run has of events: of which notification, what happened, and what is told of it.
async fn events(run: &SeededRun<'_>) -> anyhow::Result<Vec<(i32, String, Option<Value>)>> {
    let all =
        "SELECT notification, what, data FROM chancery.events WHERE run_id = $1 ORDER BY notification, what";
    Ok(sqlx::query_as(all).bind(run.run.id).fetch_all(run.ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn each_is_told_of_what_it_lists_and_of_nothing_else() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(30).keyring("ring");
    let run = run.telling("batches", NOWHERE, &["batch.signed", "run.completed"]);
    let run = run.telling("ends", NOWHERE, &["run.started", "run.completed", "delivery.dead"]);
    let run = run.seeded(&ledger).await?;
    let started = json!({"keyring": "default/ring", "algorithm": "EdDSA", "batchSize": 10, "records": 30, "suspended": false});
    assert_eq!(events(&run).await?, [(2, "run.started".to_owned(), Some(started.clone()))]);
    sign(&run).await?;
    let ended = Some(json!({"batches": 3, "records": 30}));
    let wanted = [
        (1, "batch.signed/1", None),
        (1, "batch.signed/2", None),
        (1, "batch.signed/3", None),
        (1, "run.completed", ended.clone()),
        (2, "run.completed", ended),
        (2, "run.started", Some(started)),
    ];
    let wanted = wanted.map(|(notification, what, data)| (notification, what.to_owned(), data));
    assert_eq!(events(&run).await?, wanted);
    run.assert_audit_holds().await
}

#[tokio::test]
async fn signers_that_are_killed_leave_no_signed_batch_of_which_nobody_is_told() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run =
        TestRun::new().records(4_000).telling("ops", NOWHERE, &["batch.signed"]).seeded(&ledger).await?;
    let counts = "SELECT (SELECT count(*) FROM chancery.batches WHERE state = 'signed'),
                         (SELECT count(*) FROM chancery.events e JOIN chancery.batches b ON e.what = 'batch.signed/' || b.batch
                           WHERE b.state = 'signed')";
    let counts = async || sqlx::query_as::<_, (i64, i64)>(counts).fetch_one(ledger.ledger.pool()).await;
    for holder in ["first", "second"] {
        let before = run.signed().await?;
        let mut signer = run.start_signer(holder)?;
        eventually("it signs", async || run.signed().await.is_ok_and(|signed| signed > before)).await;
        signer.signal(nix::sys::signal::Signal::SIGKILL)?;
        signer.ended().await?;
        ledger.ledger.release_holders(&run.run, &[holder.to_owned()]).await?;
        let (signed, told) = counts().await?;
        assert!(signed > 0 && signed == told, "{signed} batches are signed, and {told} to be told of");
    }
    sign(&run).await?;
    assert_eq!(counts().await?, (400, 400));
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_run_that_tells_nobody_is_signed_as_before() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(20).named("without").seeded(&ledger).await?;
    let other = TestRun::new().records(20).named("other").telling("ops", NOWHERE, &["run.completed"]);
    let other = other.seeded(&ledger).await?;
    for of in [run.run.id, other.run.id] {
        let body = "SELECT prosrc FROM pg_proc WHERE pronamespace = 'chancery'::regnamespace AND proname = 'batch_sign_' || $1";
        let body: String = sqlx::query_scalar(body).bind(of).fetch_one(ledger.ledger.pool()).await?;
        assert!(!body.contains("INSERT"), "{body}");
    }
    let table: bool = sqlx::query_scalar("SELECT to_regclass('chancery.events_' || $1) IS NULL")
        .bind(run.run.id)
        .fetch_one(ledger.ledger.pool())
        .await?;
    assert!(table && run.run.notifications.0.is_empty());
    run.finish().await?;
    other.finish().await
}

fn judging() -> Value {
    json!({"validations": [
        {"name": "not-three", "expression": "record.n != 3", "message": "three is refused"},
        {"name": "not-five", "expression": "record.n < 4 || record.n > 5", "message": "a number of five", "action": "Alert"},
        {"name": "of-six", "expression": "record.n < 6 || record.none == 1", "message": "six"},
    ]})
}

/// A run that reads the numbers 0 to 7, of which 3 is rejected, 4 and 5 raise an alert, and 6 and 7 are dead letters.
async fn judged<'l>(ledger: &'l TestLedger, dead_limit: i64) -> anyhow::Result<SeededRun<'l>> {
    let folder = tempfile::tempdir()?;
    let lines: String = (0..8).map(|number| format!("{{\"n\":{number}}}\n")).collect();
    std::fs::write(folder.path().join("a.txt"), lines)?;
    let run =
        TestRun::new().reads("files", folder.path()).judged_by("numbers", &judging()).dead_limit(dead_limit);
    let run =
        run.telling("ops", NOWHERE, &["record.rejected", "record.dead", "policy.alert", "run.completed"]);
    let run = run.created(ledger).await?.stocked().await?;
    run.start_intake("an intake").await?.ended().await?;
    Ok(run)
}

#[tokio::test]
async fn one_event_tells_of_all_that_was_refused_together_and_of_no_payload() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = judged(&ledger, 10).await?;
    run.finish().await?;
    let found = events(&run).await?;
    let of = |event: &str| {
        let mut found = found.iter().filter(|(_, what, _)| what.starts_with(event));
        let data = found.next().and_then(|(_, _, data)| data.clone()).unwrap_or_default();
        assert!(found.next().is_none(), "{event} is told once");
        data
    };
    let place = |n: i64| 8 * n;
    assert_eq!(
        of("record.rejected"),
        json!({"source": "files", "split": 1, "count": 1, "positions": [place(3)], "rules": {"not-three": 1}})
    );
    assert_eq!(
        of("record.dead"),
        json!({"source": "files", "split": 1, "count": 2, "positions": [place(6), place(7)], "stages": {"Policy": 2}})
    );
    assert_eq!(
        of("policy.alert"),
        json!({"policy": "numbers", "count": 2, "records": [4, 5], "rules": {"not-five": 2}})
    );
    let counts = json!({"records": 5, "batches": 1, "received": 8, "duplicates": 0, "rejected": 1, "dead": 2, "flagged": 0, "alerts": 2});
    assert_eq!(of("run.completed"), counts);
    Ok(())
}

#[tokio::test]
async fn a_dead_letter_that_dies_again_is_told_of_again() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = judged(&ledger, 1).await?;
    let all = Selection::of(Wanted::default())?;
    let taken = take_up(&ledger.ledger, &run.run, &all, "somebody").await?;
    assert_eq!(taken.became.dead, 2, "{taken:?}");
    let dead: Vec<String> =
        sqlx::query_scalar("SELECT what FROM chancery.events WHERE what LIKE 'record.dead/%' ORDER BY what")
            .fetch_all(ledger.ledger.pool())
            .await?;
    assert_eq!(dead, ["record.dead/1/1/48/0", "record.dead/1/1/48/1"]);
    ledger
        .execute(
            "UPDATE chancery.intakes SET dead_limit = 10; UPDATE chancery.runs SET too_many_dead = false",
        )
        .await?;
    run.take_in().await?;
    run.finish().await
}

#[tokio::test]
async fn a_batch_that_is_given_up_is_told_of_by_sink_and_batch() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run =
        TestRun::new().records(20).sink("out").telling("ops", NOWHERE, &["delivery.dead", "run.completed"]);
    let run = run.seeded(&ledger).await?;
    sign(&run).await?;
    assert!(events(&run).await?.is_empty());
    let mut delivery = run.delivery("me").await?;
    for _ in 0..3 {
        let taken = take(&mut delivery, 1, 1).await?;
        delivery.fail(&taken, &[crate::refused(1)]).await?;
        ledger.execute("UPDATE chancery.deliveries SET not_before = now() - interval '1 hour' WHERE batch = 1 AND state = 'Pending'").await?;
    }
    let given_up = json!({"sink": "out", "batch": 1, "firstRecord": 1, "lastRecord": 10, "refusals": 3});
    assert_eq!(events(&run).await?, [(1, "delivery.dead/1/1/0".to_owned(), Some(given_up))]);
    run.deliver().await?;
    let ended = json!({"records": 20, "batches": 2, "sinks": {"out": {"delivered": 1, "dead": 1}}});
    assert_eq!(
        events(&run).await?[1],
        (1, "run.completed".to_owned(), Some(ended)),
        "the delivery completes it"
    );
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_run_that_failed_is_told_of_once_for_each_reason_and_not_once_it_is_complete() -> anyhow::Result<()>
{
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(10).telling("ops", NOWHERE, &["run.failed"]).seeded(&ledger).await?;
    for (reason, message) in
        [("SignersFailed", "one"), ("SignersFailed", "two"), ("DeadlineExceeded", "three")]
    {
        assert!(ledger.ledger.tell_failed(&run.run, reason, message).await?);
    }
    let told = [("DeadlineExceeded", "three"), ("SignersFailed", "one")];
    let told = told.map(|(reason, message)| {
        (1, format!("run.failed/{reason}"), Some(json!({"reason": reason, "message": message})))
    });
    assert_eq!(events(&run).await?, told);
    assert!(ledger.ledger.tell_failed(&run.run, "not a word", "x").await.is_err());
    run.finish().await?;
    assert!(!ledger.ledger.tell_failed(&run.run, "TooLate", "x").await?);
    Ok(())
}

#[tokio::test]
async fn an_event_is_in_one_hand_and_what_another_has_is_not_settled() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(30).telling("ops", NOWHERE, &["batch.signed"]).seeded(&ledger).await?;
    sign(&run).await?;
    let (mut one, mut other) = (run.delivery("one").await?, run.delivery("other").await?);
    let late = told_of(&mut one, 1, 2).await?;
    let rest = told_of(&mut other, 1, 10).await?;
    assert_eq!((late.events.len(), rest.events.len()), (2, 1));
    let whats = |events: &[chancery_store::delivery::Event]| -> Vec<String> {
        events.iter().map(|event| event.what.clone()).collect()
    };
    let data: Value = serde_json::from_str(&rest.events[0].data)?;
    assert_eq!(
        (&data["batch"], &data["firstRecord"], &data["lastRecord"]),
        (&json!(3), &json!(21), &json!(30)),
        "{data}"
    );
    assert!(data["key"].is_string() && data["signedAt"].is_string(), "{data}");
    assert!(matches!(other.take_events(1, 10, LONG).await?, NotificationTask::Wait(_)));
    assert_eq!(other.settle_events(&rest, &whats(&late.events)).await?, 0, "by the token of others");
    // What a holder has that is known to be dead is handed out at once.
    assert_eq!(ledger.ledger.release_deliveries(&run.run, &["one".to_owned()]).await?, 2);
    let again = told_of(&mut other, 1, 10).await?;
    assert_eq!(one.settle_events(&late, &whats(&late.events)).await?, 0, "they are another's by now");
    assert_eq!(one.give_back_events(&late, &whats(&late.events), Some(tell_nobody(LONG))).await?, (0, 0));
    assert_eq!(other.settle_events(&again, &whats(&again.events)).await?, 2);
    assert_eq!(other.settle_events(&rest, &whats(&rest.events)).await?, 1);
    assert_eq!(other.settle_events(&rest, &whats(&rest.events)).await?, 0, "nothing is settled twice");
    assert!(matches!(other.take_events(1, 10, LONG).await?, NotificationTask::Done));
    let at = &ledger.ledger.notifications_progress(&[run.run.id]).await?[0];
    assert_eq!((at.told, at.dead, at.failures), (3, 0, 0), "who is late knows nothing of the receiver");
    run.assert_audit_holds().await
}

#[tokio::test]
async fn with_as_many_refusals_as_are_allowed_an_event_is_a_dead_letter_that_says_why() -> anyhow::Result<()>
{
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(20).telling("ops", NOWHERE, &["batch.signed"]).seeded(&ledger).await?;
    sign(&run).await?;
    let mut delivery = run.delivery("me").await?;
    for attempt in 0..3 {
        let taken = told_of(&mut delivery, 1, 10).await?;
        let first =
            taken.events.iter().find(|event| event.what == "batch.signed/1").map(|event| event.attempts);
        assert_eq!(first, Some(attempt), "each refusal counts");
        let refused = [crate::refused_event("batch.signed/1")];
        let ended = delivery.fail_events(&taken, &refused).await?;
        assert_eq!(ended, if attempt < 2 { (1, 0) } else { (0, 1) });
        assert_eq!(delivery.fail_events(&taken, &refused).await?, (0, 0), "nothing counts twice");
        if attempt == 0 {
            assert_eq!(delivery.settle_events(&taken, &["batch.signed/2".to_owned()]).await?, 1);
        }
    }
    assert!(matches!(delivery.take_events(1, 10, LONG).await?, NotificationTask::Done));
    let dead: (String, i32, String) =
        sqlx::query_as("SELECT what, attempts, last_error FROM chancery.events WHERE state = 'Dead'")
            .fetch_one(ledger.ledger.pool())
            .await?;
    assert_eq!(dead, ("batch.signed/1".to_owned(), 3, "no batch.signed/1 here".to_owned()));
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_receiver_that_is_away_is_waited_for_while_the_run_goes_on_and_given_up_some_time_after()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(20).telling("ops", NOWHERE, &["batch.signed", "run.started"]);
    let run = run.seeded(&ledger).await?;
    let mut delivery = run.delivery("me").await?;
    for failures in 1..=25 {
        let taken = told_of(&mut delivery, 1, 10).await?;
        let away = Some(tell_nobody(std::time::Duration::ZERO));
        let away = delivery.give_back_events(&taken, &["run.started".to_owned()], away).await?;
        assert_eq!(away, (1, 0), "no attempt counts, and nothing is given up while the run goes on");
        let at = &ledger.ledger.notifications_progress(&[run.run.id]).await?[0];
        assert_eq!((at.failures, at.last_error.as_deref()), (failures, Some("nobody listens")));
    }
    sign(&run).await?;
    assert!(crate::is_complete(&run).await?, "a run does not wait for whoever is told of it");
    let taken = told_of(&mut delivery, 1, 1).await?;
    let whats: Vec<_> = taken.events.iter().map(|event| event.what.clone()).collect();
    assert_eq!(delivery.give_back_events(&taken, &whats, Some(tell_nobody(LONG))).await?, (1, 0));
    let taken = told_of(&mut delivery, 1, 1).await?;
    // Of the others, one is in somebody's hands.
    let mut other = run.delivery("other").await?;
    let held = told_of(&mut other, 1, 1).await?;
    let whats: Vec<_> = taken.events.iter().map(|event| event.what.clone()).collect();
    let gone = tell_nobody(std::time::Duration::ZERO);
    assert_eq!(
        delivery.give_back_events(&taken, &whats, Some(gone)).await?,
        (1, 2),
        "what nobody has is given up"
    );
    assert_eq!(
        other.settle_events(&held, &[held.events[0].what.clone()]).await?,
        1,
        "it could be reached after all"
    );
    assert!(matches!(delivery.take_events(1, 10, LONG).await?, NotificationTask::Done));
    let at = &ledger.ledger.notifications_progress(&[run.run.id]).await?[0];
    assert_eq!((at.told, at.dead), (1, 2));
    run.assert_audit_holds().await
}

#[tokio::test]
async fn what_happened_is_told_also_while_the_run_is_suspended_and_never_once_it_is_being_deleted()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new()
        .records(20)
        .keyring("ring")
        .telling("ops", NOWHERE, &["run.started"])
        .seeded(&ledger)
        .await?;
    let other =
        TestRun::new().records(20).named("other").keyring("ring").telling("ops", NOWHERE, &["run.started"]);
    let other = other.seeded_beside(&run).await?;
    let mut delivery = run.delivery("me").await?;
    ledger.ledger.set_mutable(&run.run, true, LONG).await?;
    let taken = told_of(&mut delivery, 1, 10).await?;
    delivery.give_back_events(&taken, &["run.started".to_owned()], Some(tell_nobody(LONG))).await?;
    ledger
        .execute(
            "UPDATE chancery.notifications SET not_before = now() + interval '1 minute' WHERE failures > 0",
        )
        .await?;
    let away = delivery.take_events(1, 10, LONG).await?;
    assert!(matches!(away, NotificationTask::Nothing(DeliveryRefusal::Suspended)), "{away:?}");
    // A clock that was set back holds up neither the receiver nor the event.
    ledger
        .execute(
            "UPDATE chancery.notifications SET not_before = now() + interval '11 minutes', tried_at = now() + interval '10 minutes'
              WHERE failures > 0",
        )
        .await?;
    ledger.execute("UPDATE chancery.events SET not_before = now() + interval '11 minutes', put_off_at = now() + interval '10 minutes'").await?;
    assert!(
        matches!(delivery.take_events(1, 10, LONG).await?, NotificationTask::Wait(_)),
        "what strayed is found"
    );
    let taken = told_of(&mut delivery, 1, 10).await?;
    assert_eq!(delivery.settle_events(&taken, &["run.started".to_owned()]).await?, 1);
    let nothing = delivery.take_events(1, 10, LONG).await?;
    assert!(matches!(nothing, NotificationTask::Nothing(DeliveryRefusal::Suspended)), "{nothing:?}");
    let unknown = delivery.take_events(2, 10, LONG).await?;
    assert!(matches!(unknown, NotificationTask::Nothing(DeliveryRefusal::Gone)), "{unknown:?}");

    ledger.ledger.delete_run(&run.run).await?;
    let gone: (i64, bool) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM chancery.events), to_regclass('chancery.events_' || $1) IS NULL",
    )
    .bind(run.run.id)
    .fetch_one(ledger.ledger.pool())
    .await?;
    assert_eq!(gone, (1, true), "it takes its own along");
    other.finish().await
}

#[tokio::test]
async fn the_ledger_refuses_what_would_lose_or_double_an_event() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(20).telling("ops", NOWHERE, &["batch.signed"]).seeded(&ledger).await?;
    sign(&run).await?;
    for sql in [
        "DELETE FROM chancery.events",
        "UPDATE chancery.events SET what = what || '0'",
        "UPDATE chancery.events SET data = '{}'",
        "UPDATE chancery.events SET happened_at = now()",
        "INSERT INTO chancery.events (what, notification, run_id) SELECT what, notification, run_id FROM chancery.events",
        "UPDATE chancery.events SET state = 'Delivered'",
        "UPDATE chancery.events SET state = 'Dead', ended_at = now()",
        "UPDATE chancery.events SET attempts = 2, last_error = 'twice at once'",
        "UPDATE chancery.events SET attempts = 1",
        "UPDATE chancery.notifications SET events = ARRAY['run.started']",
        "UPDATE chancery.notifications SET attempt_limit = 20",
        "UPDATE chancery.notifications SET failures = 1",
    ] {
        let refusal = ledger.execute(sql).await.expect_err(sql).to_string();
        assert!(refusal.contains("never change") || refusal.contains("violates"), "{sql}: {refusal}");
    }
    ledger.execute("UPDATE chancery.events SET state = 'Delivered', ended_at = now()").await?;
    ledger.execute("UPDATE chancery.notifications SET told = 2").await?;
    for sql in [
        "UPDATE chancery.events SET state = 'Pending', ended_at = NULL",
        "UPDATE chancery.notifications SET told = 1",
    ] {
        let refusal = ledger.execute(sql).await.expect_err(sql).to_string();
        assert!(refusal.contains("never change"), "{sql}: {refusal}");
    }
    run.assert_audit_holds().await
}
