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
