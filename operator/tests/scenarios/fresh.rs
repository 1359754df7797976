//! A run from its manifest to its first signer.

use std::time::Duration;

use chancery_api::condition::ConditionType;
use chancery_api::{Phase, names};
use kube::runtime::controller::Action;
use serde_json::json;

use super::world::{JOB, RUN, World, spec};

#[tokio::test]
async fn a_fresh_run_gets_finalizer_row_secret_records_job_keys_and_status_in_this_order()
-> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let mut operator = world.operator().await;

    assert_eq!(operator.step(RUN).await?, Action::await_change(), "the watch brings the finalizer");
    assert_eq!(world.api.told(), ["MERGE signingruns/demo", "APPLY signingruns/demo/status"]);
    assert_eq!(world.run(RUN)["metadata"]["finalizers"], json!([names::FINALIZER]));
    assert_eq!(world.phase(RUN), Some(Phase::Pending));
    assert!(world.stored_runs().await?.is_empty(), "nothing is made before the finalizer is there");

    assert_eq!(operator.step(RUN).await?, Action::requeue(Duration::ZERO), "the ledger has no watch");
    assert_eq!(world.api.told(), ["GET namespaces/default"], "whose uid is kept with the run");
    assert!(!world.stored(RUN).await?.keyring.filled, "the row is there");

    assert_eq!(operator.step(RUN).await?, Action::requeue(Duration::ZERO), "the Job has to name the Secret");
    let told = world.api.told();
    assert!(told[0].starts_with("CREATE secrets/demo-signer-"), "{told:?}");
    assert_eq!(told[1..], ["APPLY signingruns/demo/status", "CREATE events Seeding"]);
    assert_eq!(world.phase(RUN), Some(Phase::Seeding));
    assert!(world.api.get("jobs", JOB).is_none(), "signers are given their Secret first");

    // The records are made meanwhile.
    operator.woken.recv().await;
    operator.step(RUN).await?;
    let told = world.api.told();
    assert!(told.contains(&"APPLY jobs/demo-signer".to_owned()), "signers start to make keys: {told:?}");
    assert!(told.contains(&"CREATE events SignersStarted".to_owned()), "{told:?}");
    assert!(world.condition(RUN, ConditionType::Sealed).0);
    assert!(!world.condition(RUN, ConditionType::KeyringReady).0);
    assert_eq!(world.phase(RUN), Some(Phase::Seeding), "there is nothing to sign with");

    operator.settle(RUN).await?;
    let told = world.api.told();
    assert!(told.contains(&"CREATE events KeyringReady".to_owned()), "{told:?}");
    assert!(world.condition(RUN, ConditionType::KeyringReady).0);
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert_eq!(world.run(RUN)["status"]["job"], JOB);
    Ok(())
}

#[tokio::test]
async fn a_second_pass_makes_no_request_at_all() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    assert_eq!(operator.settle(RUN).await?, Action::await_change());
    assert!(world.api.told().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_fresh_operator_finds_everything_as_it_should_be_and_writes_nothing() -> anyhow::Result<()> {
    let (world, operator) = World::signing(spec()).await?;
    drop(operator);
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    let told = world.api.told();
    assert!(told.is_empty(), "{told:?}");
    Ok(())
}

#[tokio::test]
async fn a_fresh_run_that_is_suspended_is_made_nowhere_until_it_is_resumed() -> anyhow::Result<()> {
    let mut held = spec();
    held["suspend"] = json!(true);
    let world = World::with_run(held).await?;
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Suspended));
    assert!(world.stored_runs().await?.is_empty());
    assert!(world.api.all("jobs").is_empty());

    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": false}}));
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    Ok(())
}

#[tokio::test]
async fn a_job_belongs_to_its_run_and_to_nobody_else() -> anyhow::Result<()> {
    let (world, _operator) = World::signing(spec()).await?;
    let job = world.api.get("jobs", JOB).expect("the Job");
    let owner = &job["metadata"]["ownerReferences"];
    assert_eq!(owner.as_array().map(Vec::len), Some(1));
    assert_eq!(owner[0]["uid"], world.run(RUN)["metadata"]["uid"]);
    assert_eq!((&owner[0]["controller"], &owner[0]["kind"]), (&json!(true), &json!(names::KIND)));
    assert_eq!(job["metadata"]["labels"][names::LABEL_RUN], RUN);
    Ok(())
}
