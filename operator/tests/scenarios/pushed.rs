//! Runs to which programs push: nothing reads for them, and their signers wait for records until they are sealed.

use chancery_api::Phase;
use chancery_api::condition::ConditionType;
use chancery_store::intake::Refusal;
use chancery_store::pushing::{Push, PushAnswer, SealAnswer};
use serde_json::{Value, json};

use super::reader::INTAKE;
use super::test_operator::{TestOperator, let_time_pass};
use super::world::{JOB, RUN, World};

/// 2 keys, batches of 5, closed after 50 ms.
fn pushed() -> Value {
    json!({
        "sources": [{"name": "push", "http": {}}], "keyCount": 2, "batchSize": 5, "algorithm": "EdDSA", "audit": "Never",
    })
}

/// Pushes payloads, by their numbers.
async fn push(world: &World, payloads: std::ops::Range<u32>) -> anyhow::Result<PushAnswer> {
    let mut push = Push { arrivals: payloads.len().try_into()?, ..Push::default() };
    push.places = (0..push.arrivals).collect();
    payloads.for_each(|number| push.payloads.push(format!("payload {number}").as_bytes()));
    let run = world.stored(RUN).await?;
    Ok(world.ledger.ledger.push(&run, &push).await?)
}

/// What `kubectl get` shows as the status, after the operator has looked.
async fn shown(world: &World, operator: &mut TestOperator) -> anyhow::Result<String> {
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    let (_, reason, _) = world.condition(RUN, ConditionType::Progressing);
    Ok(reason)
}

/// As what the run is counted.
fn counted(operator: &TestOperator) -> anyhow::Result<Vec<String>> {
    let mut shown = operator.shown("chancery_runs{")?;
    shown.retain(|line| line.ends_with(" 1"));
    Ok(shown)
}

/// Lets the operator close what is late, until so many batches are closed.
async fn closed(world: &World, operator: &mut TestOperator, batches: i64) -> anyhow::Result<()> {
    operator.keep_closed();
    let run = world.stored(RUN).await?;
    loop {
        let progress = world.ledger.ledger.progress(&[run.id]).await?.pop();
        if progress.is_some_and(|progress| progress.batches_closed == batches) {
            return Ok(());
        }
        let_time_pass().await;
    }
}

#[tokio::test]
async fn a_run_is_received_signed_as_it_comes_sealed_by_a_call_and_complete() -> anyhow::Result<()> {
    let world = World::with_run(pushed()).await?;
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert!(world.api.get("jobs", INTAKE).is_none(), "nothing is read");
    assert!(world.api.get("jobs", JOB).is_some(), "signers wait for records");
    assert_eq!(shown(&world, &mut operator).await?, "Receiving");
    let (sealed, reason, _) = world.condition(RUN, ConditionType::Sealed);
    assert_eq!((sealed, reason.as_str()), (false, "Receiving"));

    assert!(matches!(push(&world, 0..7).await?, PushAnswer::Taken(_)));
    assert_eq!(shown(&world, &mut operator).await?, "Signing", "a batch is full");
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert_eq!(counted(&operator)?, ["chancery_runs{phase=\"Signing\"} 1"]);
    world.sign(RUN, usize::MAX).await?;
    assert_eq!(shown(&world, &mut operator).await?, "Receiving");
    // An alert on runs that are signed and do not get on would be for nothing.
    assert_eq!(counted(&operator)?, ["chancery_runs{phase=\"Receiving\"} 1"]);
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    closed(&world, &mut operator, 2).await?;
    assert_eq!(shown(&world, &mut operator).await?, "Signing", "the other is late");
    world.sign(RUN, usize::MAX).await?;
    assert!(matches!(push(&world, 5..9).await?, PushAnswer::Taken(_)));
    let records = |world: &World| world.run(RUN)["status"]["records"].clone();
    shown(&world, &mut operator).await?;
    assert_eq!(
        records(&world),
        json!({
            "total": 9, "seeded": 9, "signed": 7,
            "received": 11, "admitted": 9, "duplicate": 2, "rejected": 0, "dead": 0, "pending": 0,
        })
    );

    let run = world.stored(RUN).await?;
    assert_eq!(world.ledger.ledger.seal_pushes(&run).await?, SealAnswer::Sealed);
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    let (sealed, reason, message) = world.condition(RUN, ConditionType::Sealed);
    assert_eq!((sealed, reason.as_str()), (true, "Sealed"));
    assert!(message.starts_with("nothing more is taken in"), "{message}");
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    assert_eq!(records(&world)["signed"], 9);
    assert_eq!(world.run(RUN)["status"]["sources"][0]["position"], "end");
    let events = world.events();
    for reason in ["Seeding", "Sealed", "Completed"] {
        assert_eq!(events.iter().filter(|told| *told == reason).count(), 1, "{reason}: {events:?}");
    }
    assert!(world.note("Seeding").contains("records can be pushed"), "{}", world.note("Seeding"));
    assert!(!events.contains(&"IntakeStarted".to_owned()), "{events:?}");
    world.assert_audit_holds(RUN).await
}

#[tokio::test]
async fn nothing_is_taken_in_by_a_suspended_run_and_it_goes_on_when_resumed() -> anyhow::Result<()> {
    let world = World::with_run(pushed()).await?;
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": true}}));
    operator.settle(RUN).await?;
    assert_eq!(world.api.get("jobs", JOB).expect("the Job")["spec"]["suspend"], true);
    assert_eq!(push(&world, 0..1).await?, PushAnswer::Refused(Refusal::Suspended));
    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": false}}));
    operator.settle(RUN).await?;
    assert_eq!(world.api.get("jobs", JOB).expect("the Job")["spec"]["suspend"], false);
    assert!(matches!(push(&world, 0..1).await?, PushAnswer::Taken(_)));
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_deleted_goes_with_what_was_pushed_to_it() -> anyhow::Result<()> {
    let mut with_policy = pushed();
    with_policy["deletionPolicy"] = json!("Delete");
    let world = World::with_run(with_policy).await?;
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert!(matches!(push(&world, 0..7).await?, PushAnswer::Taken(_)));
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    assert!(world.api.get("signingruns", RUN).is_none());
    assert!(world.stored_runs().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn without_a_gateway_the_run_is_refused_with_the_command_that_starts_one() -> anyhow::Result<()> {
    let world = World::with_run(pushed()).await?;
    let mut operator = world.operator_without_gateway().await;
    operator.settle(RUN).await?;
    let (failed, reason, message) = world.condition(RUN, ConditionType::Failed);
    assert_eq!((failed, reason.as_str()), (true, "SourceNotAllowed"));
    assert!(message.contains("helm upgrade") && message.contains("gateway.enabled=true"), "{message}");
    assert!(world.stored_runs().await?.is_empty(), "the ledger is as it was");
    Ok(())
}
