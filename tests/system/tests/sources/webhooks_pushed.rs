//! What is pushed to a run whose policy asks a webhook: it waits in the ledger, and an intake that reads nothing judges it, whatever dies.

use std::time::Duration;

use chancery_kit::{
    Conduct, Offered, Point, SeededRun, StepRelay, TestLedger, TestRun, WebhookServer, eventually,
    push_judged, server,
};
use chancery_sources::letters::{Selection, Wanted, take_up};
use chancery_store::intake::DeadArrival;
use chancery_store::pushing::{NamedRequest, NoRoom, Push, PushAnswer, SealAnswer};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::every_step::{ended_before, intake_by, kept as accounted_at, socket_of};
use crate::webhooks::{kept, law_7_holds, policy, retried};
use crate::{counts, holds};

/// A run to which programs push, and whose policy is this one.
async fn pushed<'l>(ledger: &'l TestLedger, run: TestRun, policy: &Value) -> anyhow::Result<SeededRun<'l>> {
    let http = json!({"http": {"maxPending": 1_000, "periodMicros": 50_000}});
    let run = run.keys(1).reads_described("push", http).judged_by("scored", policy);
    run.created(ledger).await?.stocked().await
}

fn record(number: usize) -> Value {
    json!({ "number": number })
}

/// What becomes of these numbers: the webhook gives each as many points, and ten reject it.
fn judged(numbers: impl IntoIterator<Item = usize>) -> Offered {
    let (admitted, rejected): (Vec<usize>, Vec<usize>) = numbers.into_iter().partition(|number| *number < 10);
    let text = |number: usize| record(number).to_string();
    Offered::lines(admitted.into_iter().map(text)).with_rejected(rejected.into_iter().map(text))
}

async fn push(run: &SeededRun<'_>, numbers: impl IntoIterator<Item = usize>) -> anyhow::Result<()> {
    let records: Vec<Value> = numbers.into_iter().map(record).collect();
    push_judged(&run.ledger.ledger, &run.run, &records).await
}

/// Dead letters, which nobody has asked anybody about.
async fn push_dead(run: &SeededRun<'_>, numbers: impl IntoIterator<Item = usize>) -> anyhow::Result<()> {
    let policy = run.ledger.ledger.policy_of(&run.run).await?;
    let policy = policy.ok_or_else(|| anyhow::anyhow!("nothing judges the run"))?;
    let mut judgement = chancery_store::intake::Judgement::by(policy.hash);
    judgement.starts_at(0, 0);
    let dead = (0..).zip(numbers).map(|(place, number)| {
        let raw = record(number).to_string().into_bytes();
        DeadArrival::at_stage(place, "Parse".to_owned(), "it was not looked into".to_owned(), raw)
    });
    let dead: Vec<_> = dead.collect();
    let push = Push { arrivals: dead.len().try_into()?, dead, judgement: Some(judgement), ..Push::default() };
    let answer = run.ledger.ledger.push(&run.run, &push).await?;
    anyhow::ensure!(matches!(answer, PushAnswer::Taken(_)), "{answer:?}");
    Ok(())
}

async fn all_taken_up(run: &SeededRun<'_>) -> anyhow::Result<i64> {
    let all = Selection::of(Wanted::default())?;
    Ok(take_up(&run.ledger.ledger, &run.run, &all, "somebody").await?.became.pending)
}

#[tokio::test]
async fn what_is_pushed_waits_and_an_intake_that_reads_nothing_judges_and_seals() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let webhook = WebhookServer::scoring().await?;
    let run = pushed(&ledger, TestRun::new(), &policy(&webhook, &json!({}))).await?;
    push(&run, 0..7).await?;
    push(&run, (7..12).chain(0..1)).await?;
    assert_eq!((counts(&run).await?.pending, counts(&run).await?.received), (13, 13));
    law_7_holds(&run).await?;
    assert_eq!(ledger.ledger.seal_pushes(&run.run).await?, SealAnswer::Closed, "something waits");
    let late = push(&run, 20..21).await.map_err(|error| error.to_string());
    assert!(late.is_err_and(|error| error.contains("Sealed")), "nothing more is taken in");
    run.take_in().await?;
    assert_eq!(ledger.ledger.seal_pushes(&run.run).await?, SealAnswer::Sealed);
    assert_eq!(kept(&run).await?, (12, 1), "of a duplicate, none is kept");
    let mut offered = judged(0..12);
    offered.payloads.push(record(0).to_string().into_bytes());
    holds(&run, &offered).await
}

/// What waits has its room among the most records that a run may have, and leaves it to others if it is rejected.
#[tokio::test]
async fn what_waits_has_its_room_and_a_run_that_is_full_is_sealed() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let webhook = WebhookServer::scoring().await?;
    let run = pushed(&ledger, TestRun::new().record_limit(4), &policy(&webhook, &json!({}))).await?;
    push(&run, [1, 11, 2]).await?;
    let before = ledger.fingerprint().await?;
    for numbers in [3..5, 3..9] {
        let refused = push(&run, numbers).await.map_err(|error| error.to_string());
        let no_room = NoRoom { room: 1, waiting: 3, known: Vec::new() };
        assert_eq!(refused, Err(format!("NoRoom({no_room:?})")));
    }
    assert_eq!(ledger.fingerprint().await?, before, "all of a call, or nothing of it");
    push(&run, [3]).await?;
    assert!(push(&run, [4]).await.is_err());
    let mut intake = run.start_intake("an intake").await?;
    eventually("11 is rejected", async || {
        counts(&run).await.is_ok_and(|counts| (counts.pending, counts.rejected) == (0, 1))
    })
    .await;
    push(&run, [4]).await?;
    let (code, log) = intake.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    holds(&run, &judged([1, 11, 2, 3, 4])).await
}

/// What is dead needs no room, nor what repeats a record.
#[tokio::test]
async fn what_needs_no_room_is_taken_in_where_there_is_none() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let webhook = WebhookServer::scoring().await?;
    let mut policy = policy(&webhook, &json!({}));
    policy["matchConditions"] = json!([{"name": "some", "expression": "record.number > 0"}]);
    let run = pushed(&ledger, TestRun::new().record_limit(3), &policy).await?;
    push(&run, [0]).await?;
    push(&run, [1, 2]).await?;
    let refused = push(&run, [0, 3, 0]).await.map_err(|error| error.to_string());
    let no_room = NoRoom { room: 0, waiting: 2, known: vec![0, 2] };
    assert_eq!(refused, Err(format!("NoRoom({no_room:?})")));
    push(&run, [0, 0]).await?;
    push_dead(&run, [30]).await?;
    let counts = counts(&run).await?;
    assert_eq!((counts.pending, counts.admitted, counts.duplicates, counts.dead), (2, 1, 2, 1));
    law_7_holds(&run).await?;
    run.take_in().await?;
    let audited = crate::counts(&run).await?;
    assert_eq!((audited.pending, audited.admitted, audited.received), (0, 3, 6));
    law_7_holds(&run).await
}

/// Kills an intake at every eleventh step; another one goes on.
#[tokio::test]
async fn an_intake_that_is_killed_judging_what_was_pushed_or_taken_up_settles_nothing_twice()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let webhook = WebhookServer::scoring().await?;
    for step in (1..400).step_by(11) {
        let point = if step % 2 == 0 { Point::Unasked } else { Point::Unanswered };
        let run = TestRun::new().named(&format!("step-{step}")).lease_duration(Duration::from_secs(30));
        let run = pushed(&ledger, run, &retried(&webhook, 3)).await?;
        push(&run, 0..7).await?;
        push_dead(&run, 7..12).await?;
        assert_eq!(all_taken_up(&run).await?, 5);
        assert_eq!(ledger.ledger.seal_pushes(&run.run).await?, SealAnswer::Closed);
        let relay = StepRelay::to(&socket_of(server()), step, point).await?;
        let mut intake = intake_by(&relay, &run, "killed").await?;
        if let Some((code, log)) = ended_before(&relay, &mut intake).await? {
            assert_eq!(code, Some(0), "{log}");
            assert!(step > 12, "there are more steps than {step}");
            return holds(&run, &judged(0..12)).await;
        }
        intake.kill().await?;
        relay.cut();
        law_7_holds(&run).await?;
        ledger.ledger.release_intakes(&run.run, &["killed".to_owned()]).await?;
        run.take_in().await?;
        let accounted = accounted_at(&run, &judged(0..12), step).await;
        assert!(accounted.is_ok(), "killed at step {step}, {point:?}: {accounted:?}");
        assert_eq!(kept(&run).await?, (12, 1), "at step {step}");
    }
    anyhow::bail!("an intake has more than 400 steps");
}

/// A run that nobody can seal while it has too many dead letters is sealed once it has few enough.
#[tokio::test]
async fn letters_of_a_pushed_run_that_was_suspended_by_them_are_settled_and_the_run_is_sealed()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let webhook = WebhookServer::scoring().await?;
    webhook.conduct(Conduct::Status(500));
    let run = pushed(&ledger, TestRun::new().dead_limit(2), &retried(&webhook, 1)).await?;
    push(&run, 0..3).await?;
    assert_eq!(ledger.ledger.seal_pushes(&run.run).await?, SealAnswer::Closed);
    let (code, log) = run.start_intake("one").await?.ended().await?;
    assert_eq!((code, counts(&run).await?.dead), (Some(0), 3), "{log}");
    law_7_holds(&run).await?;
    webhook.conduct(Conduct::Answers);
    assert_eq!(all_taken_up(&run).await?, 3);
    run.take_in().await?;
    holds(&run, &judged(0..3)).await
}

/// What waited is settled while somebody asks what became of it: it waits still, or is what it became, and is nothing else meanwhile.
#[tokio::test]
async fn what_became_of_a_push_is_read_at_one_instant() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let webhook = WebhookServer::scoring().await?;
    let run = pushed(&ledger, TestRun::new(), &policy(&webhook, &json!({}))).await?;
    let store = &ledger.ledger;
    let policy = store.policy_of(&run.run).await?.ok_or_else(|| anyhow::anyhow!("nothing judges the run"))?;
    let mut judgement = chancery_store::intake::Judgement::by(policy.hash);
    judgement.starts_at(0, 0);
    judgement.waits(0, record(11).to_string().as_bytes(), None);
    let named = vec![NamedRequest { key: [1; 32], digest: [2; 32], place: 0, arrivals: 1 }];
    let push = Push { arrivals: 1, judgement: Some(judgement), named, ..Push::default() };
    anyhow::ensure!(matches!(store.push(&run.run, &push).await?, PushAnswer::Taken(_)));
    assert_eq!(store.former_pushes(&run.run, &[&[1; 32]]).await?[0].waiting, [0]);

    // The first list that is asked for is read, and the last ones wait for this.
    let id = run.run.id;
    let mut settling = ledger.ledger.pool().begin().await?;
    let lock = format!("LOCK TABLE chancery.answers_{id}");
    sqlx::query(AssertSqlSafe(lock)).execute(&mut *settling).await?;
    let asking = store.former_pushes(&run.run, &[&[1; 32]]);
    let settled = async {
        eventually("it waits for the table", async || {
            let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
            sqlx::query_scalar::<_, i64>(waiting).fetch_one(ledger.ledger.pool()).await.is_ok_and(|waiting| waiting == 1)
        })
        .await;
        for statement in [
            format!("DELETE FROM chancery.pendings_{id}"),
            format!(
                "INSERT INTO chancery.arrivals_{id} (source, split, position, run_id, state, digest, rule, reason, raw, arrived_at)
                 VALUES (1, 1, 0, {id}, 'Rejected', sha256('x'), 'thresholds', 'so', 'x', now())"
            ),
        ] {
            sqlx::query(AssertSqlSafe(statement)).execute(&mut *settling).await?;
        }
        settling.commit().await
    };
    let (asked, settled) = tokio::join!(asking, settled);
    settled?;
    let asked = &asked?[0];
    assert_eq!((asked.waiting.len() + asked.dead.len(), asked.settled.len()), (1, 0), "{asked:?}");
    let afterwards = &store.former_pushes(&run.run, &[&[1; 32]]).await?[0];
    assert_eq!((afterwards.waiting.len(), afterwards.dead.len()), (0, 1), "{afterwards:?}");
    Ok(())
}
