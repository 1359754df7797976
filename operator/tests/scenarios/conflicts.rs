//! Objects that others change, or replace, under the operator's feet.

use std::sync::Arc;
use std::time::Duration;

use chancery_api::condition::ConditionType;
use chancery_api::{Phase, names};
use kube::runtime::controller::Action;
use serde_json::json;

use super::fake::Failure;
use super::world::{JOB, RUN, World, manifest, spec};
use chancery_operator::run::on_error;

#[tokio::test]
async fn a_run_that_was_changed_before_it_got_its_finalizer_gets_it_on_the_next_step() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let mut operator = world.operator().await;
    let old = operator.watched(RUN).expect("the run");
    world.api.edit(
        "signingruns",
        RUN,
        json!({"metadata": {"finalizers": ["example.com/other"]}, "spec": {"parallelism": 1}}),
    );
    let error = operator.step_with(Arc::clone(&old)).await.expect_err("a conflict");
    assert_eq!(error.label(), "Object");
    assert_eq!(
        on_error(old, &error, Arc::clone(&operator.context)),
        Action::requeue(Duration::from_secs(1)),
        "unless the watch brings the change before"
    );
    assert_eq!(world.run(RUN)["metadata"]["finalizers"], json!(["example.com/other"]));
    assert!(world.events().is_empty(), "it is nobody's fault");
    assert_eq!(world.condition(RUN, ConditionType::Progressing).1, "Pending");

    operator.settle(RUN).await?;
    assert_eq!(world.run(RUN)["metadata"]["finalizers"], json!(["example.com/other", names::FINALIZER]));
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    Ok(())
}

#[tokio::test]
async fn a_conflict_that_the_api_server_makes_up_is_tried_again() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let mut operator = world.operator().await;
    world.api.fail(3, "MERGE signingruns", Failure::Refused(409, "Operation cannot be fulfilled"));
    operator.settle_at_last(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    Ok(())
}

#[tokio::test]
async fn a_status_that_finds_nobody_to_tell_is_no_error() -> anyhow::Result<()> {
    for code in [404, 409] {
        let world = World::with_run(spec()).await?;
        let mut operator = world.operator().await;
        world.api.fail(2, "APPLY signingruns", Failure::Refused(code, "gone, or another"));
        operator.settle(RUN).await?;
        assert_eq!(world.phase(RUN), Some(Phase::Signing), "{code}");
    }
    Ok(())
}

/// The run as it was before it was deleted and another was created under its name.
#[tokio::test]
async fn of_a_run_that_took_the_name_meanwhile_nothing_is_touched() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": true}}));
    let edited = operator.watched(RUN).expect("the run");
    world.api.delete("signingruns", RUN);
    let deleted = operator.watched(RUN).expect("the run");
    world.api.remove("signingruns", RUN);
    world.api.create("signingruns", manifest(RUN, spec()));
    let new = world.run(RUN);

    operator.step_with(edited).await?;
    assert_eq!(world.run(RUN), new, "neither a status nor a finalizer of the old one");
    operator.step_with(deleted).await.expect_err("the finalizer is not the new one's");
    assert_eq!(world.run(RUN), new);
    assert!(new["status"].is_null() && new["metadata"]["finalizers"].is_null());
    Ok(())
}

#[tokio::test]
async fn a_job_of_an_earlier_run_of_the_name_goes_before_the_signers_start() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let first = world.api.get("jobs", JOB).expect("the Job");
    let former = world.run(RUN)["metadata"]["uid"].clone();
    world.api.remove("signingruns", RUN);
    let mut second = manifest(RUN, spec());
    second["metadata"]["annotations"] = json!({names::ANNOTATION_ADOPT: former});
    world.api.create("signingruns", second);
    operator.settle(RUN).await?;
    assert_eq!(world.api.get("jobs", JOB), Some(first.clone()));
    assert_eq!(world.condition(RUN, ConditionType::Progressing).1, "JobNameTaken");

    world.api.collect_garbage();
    operator.settle(RUN).await?;
    let second = world.api.get("jobs", JOB).expect("the Job");
    assert_eq!(second["metadata"]["ownerReferences"][0]["uid"], world.run(RUN)["metadata"]["uid"]);
    assert_ne!(second["metadata"]["uid"], first["metadata"]["uid"]);
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    Ok(())
}
