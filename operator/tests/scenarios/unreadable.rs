//! SigningRuns that cannot even be read.

use chancery_api::condition::ConditionType;
use chancery_api::{Phase, names};
use kube::runtime::controller::Action;
use serde_json::json;

use super::world::{RUN, World, manifest, spec};

#[tokio::test]
async fn a_run_that_cannot_be_read_says_so_and_disturbs_no_other() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let mut bad = spec();
    bad["recordCount"] = json!("many");
    world.api.create("signingruns", manifest("bad", bad));
    let mut operator = world.operator().await;
    assert_eq!(operator.settle("bad").await?, Action::await_change());
    let (failed, reason, message) = world.condition("bad", ConditionType::Failed);
    assert!(failed && message.contains("cannot be read"), "{message}");
    assert_eq!((reason.as_str(), world.phase("bad")), ("InvalidSpec", Some(Phase::Failed)));
    world.api.told();
    operator.settle("bad").await?;
    assert!(world.api.told().is_empty());

    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));

    world.api.edit("signingruns", "bad", json!({"spec": {"recordCount": 20}}));
    operator.settle("bad").await?;
    assert_eq!(world.phase("bad"), Some(Phase::Signing));
    assert!(!world.condition("bad", ConditionType::Failed).0);
    Ok(())
}

#[tokio::test]
async fn a_run_that_became_unreadable_can_be_deleted_and_the_ledger_keeps_it() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let finalizers = json!([names::FINALIZER, "example.com/other"]);
    world.api.edit(
        "signingruns",
        RUN,
        json!({"metadata": {"finalizers": finalizers}, "spec": {"suspend": "no"}}),
    );
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Failed));
    world.api.told();
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    assert_eq!(world.api.told(), ["MERGE signingruns/demo"]);
    assert_eq!(world.run(RUN)["metadata"]["finalizers"], json!(["example.com/other"]));
    assert_eq!(world.stored_runs().await?, [RUN]);
    Ok(())
}

/// As after a restart: nothing is remembered of what was written before.
#[tokio::test]
async fn a_fresh_operator_keeps_what_was_known_of_a_run_that_it_cannot_read() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    let before = world.run(RUN)["status"].clone();
    drop(operator);

    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": "no"}}));
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert!(world.condition(RUN, ConditionType::Failed).0);
    assert!(world.condition(RUN, ConditionType::Complete).0 && world.condition(RUN, ConditionType::Sealed).0);
    let after = world.run(RUN)["status"].clone();
    for field in ["records", "batches", "keyring", "startTime", "completionTime", "phase"] {
        assert!(!before[field].is_null() && after[field] == before[field], "{field}: {after}");
    }
    drop(operator);
    world.api.told();
    world.operator().await.settle(RUN).await?;
    assert!(world.api.told().iter().all(|request| request.starts_with("GET")), "nothing new is to be said");
    Ok(())
}

/// A run that is made anew in a ledger that has lost it would be signed a second time.
#[tokio::test]
async fn a_run_that_could_not_be_read_for_a_while_is_not_made_anew() -> anyhow::Result<()> {
    let (world, operator) = World::signing(spec()).await?;
    drop(operator);
    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": "no"}}));
    world.operator().await.settle(RUN).await?;
    world.ledger.ledger.delete_run(&world.stored(RUN).await?).await?;
    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": false}}));
    world.operator().await.settle(RUN).await?;
    let (failed, reason, message) = world.condition(RUN, ConditionType::Failed);
    assert!(failed && reason == "LedgerLost", "{reason}: {message}");
    assert!(world.stored_runs().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_status_that_cannot_be_read_is_written_anew_and_the_run_goes_on() -> anyhow::Result<()> {
    let (world, operator) = World::signing(spec()).await?;
    drop(operator);
    world.api.edit("signingruns", RUN, json!({"status": {"phase": "Nonsense"}}));
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert!(!world.condition(RUN, ConditionType::Failed).0);
    Ok(())
}
