//! Specs that can be read and not be used.

use chancery_api::Phase;
use chancery_api::condition::ConditionType;
use kube::runtime::controller::Action;
use serde_json::json;

use super::world::{JOB, RUN, World, spec};

#[tokio::test]
async fn a_run_that_is_invalid_past_the_schema_fails_costs_nothing_and_recovers_when_corrected()
-> anyhow::Result<()> {
    let mut bad = spec();
    bad["keyCount"] = json!(0);
    let world = World::with_run(bad).await?;
    let mut operator = world.operator().await;
    assert_eq!(operator.settle(RUN).await?, Action::await_change());
    let (failed, reason, message) = world.condition(RUN, ConditionType::Failed);
    assert!(failed && message.contains("spec.keyCount"), "{message}");
    assert_eq!((reason.as_str(), world.phase(RUN)), ("InvalidSpec", Some(Phase::Failed)));
    assert_eq!(world.condition(RUN, ConditionType::Progressing).1, "InvalidSpec");
    assert_eq!(world.api.told().iter().filter(|request| request.starts_with("CREATE")).count(), 1);
    operator.settle(RUN).await?;
    assert!(world.api.told().is_empty());
    assert!(world.stored_runs().await?.is_empty());

    world.api.edit("signingruns", RUN, json!({"spec": {"keyCount": 2}}));
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert!(!world.condition(RUN, ConditionType::Failed).0);
    assert!(world.events().contains(&"Recovered".to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_run_that_becomes_invalid_while_it_is_signed_keeps_its_signers_and_its_counts() -> anyhow::Result<()>
{
    let (world, mut operator) = World::signing(spec()).await?;
    world.sign(RUN, 2).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    world.api.told();
    let job = world.api.get("jobs", JOB);
    world.api.edit("signingruns", RUN, json!({"spec": {"leaseDuration": "forever"}}));
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Failed));
    assert_eq!(world.api.get("jobs", JOB), job);
    assert_eq!(world.run(RUN)["status"]["records"]["signed"], 10);

    world.api.edit("signingruns", RUN, json!({"spec": {"leaseDuration": "30s"}}));
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert_eq!(world.run(RUN)["status"]["observedGeneration"], world.run(RUN)["metadata"]["generation"]);
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_changed_where_it_cannot_change_is_told_what_the_ledger_holds() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    // An API server refuses it; an older schema may have let it through.
    world.api.edit("signingruns", RUN, json!({"spec": {"batchSize": 10}}));
    operator.settle(RUN).await?;
    let (failed, reason, message) = world.condition(RUN, ConditionType::Failed);
    assert!(failed && message.contains("its batchSize is 5, not 10"), "{message}");
    assert_eq!(reason, "NameTaken");
    world.api.edit("signingruns", RUN, json!({"spec": {"batchSize": 5}}));
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    Ok(())
}
