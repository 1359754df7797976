//! When a run is complete: by the ledger's count, whatever is said of its Job.

use chancery_api::Phase;
use chancery_api::condition::ConditionType;
use k8s_openapi::jiff::Timestamp;
use kube::runtime::controller::Action;
use serde_json::json;

use super::world::{JOB, RUN, World, spec};

#[tokio::test]
async fn a_job_that_is_complete_before_the_ledger_is_replaced() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.sign(RUN, 3).await?;
    let first = world.api.get("jobs", JOB).expect("the Job")["metadata"]["uid"].clone();
    world.api.job_completes(JOB);
    operator.settle(RUN).await?;
    let requests = world.api.requests();
    let delete = requests.iter().find(|request| request.to_string() == "DELETE jobs/demo-signer");
    let how = &delete.expect("the Job is deleted").body;
    assert_eq!((&how["preconditions"]["uid"], &how["propagationPolicy"]), (&first, &json!("Foreground")));
    assert_eq!(requests.iter().filter(|request| request.to_string().starts_with("DELETE")).count(), 1);
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert!(!world.condition(RUN, ConditionType::Complete).0);

    world.api.collect_garbage();
    operator.settle(RUN).await?;
    assert_ne!(world.api.get("jobs", JOB).expect("another Job")["metadata"]["uid"], first);
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    world.assert_audit_holds(RUN).await
}

#[tokio::test]
async fn a_run_is_complete_while_its_job_still_runs() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.api.job_is_active(JOB, 2);
    operator.settle(RUN).await?;
    world.api.told();
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    assert_eq!(operator.settle(RUN).await?, Action::await_change());
    assert_eq!(
        world.api.told(),
        ["APPLY signingruns/demo/status", "CREATE events Completed", "MERGE signingruns/demo"]
    );
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    assert_eq!(world.run(RUN)["status"]["progress"], "100%");
    assert_eq!(world.condition(RUN, ConditionType::Progressing).1, "Complete");
    world.assert_audit_holds(RUN).await
}

#[tokio::test]
async fn a_success_tells_that_the_ledger_is_to_be_read_at_once() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.sign(RUN, usize::MAX).await?;
    world.api.job_completes(JOB);
    // No second has passed since the ledger was last read.
    operator.step(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    assert!(!world.api.told().iter().any(|request| request.starts_with("DELETE")));
    Ok(())
}

#[tokio::test]
async fn a_complete_run_costs_nothing_even_without_its_database_and_its_job() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    drop(operator);
    world.api.remove("jobs", JOB);
    let mut operator = world.operator_without_database();
    operator.settle(RUN).await?;
    world.api.told();
    assert_eq!(operator.settle(RUN).await?, Action::await_change());
    assert!(world.api.told().is_empty());
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    assert_eq!(world.run(RUN)["status"]["records"]["signed"], 20);
    Ok(())
}

#[tokio::test]
async fn a_finished_run_is_deleted_when_its_time_has_passed_and_no_other_of_its_name() -> anyhow::Result<()> {
    let mut passing = spec();
    passing["ttlSecondsAfterFinished"] = json!(0);
    passing["deletionPolicy"] = json!("Delete");
    let (world, mut operator) = World::signing(passing.clone()).await?;
    let uid = world.run(RUN)["metadata"]["uid"].clone();
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.step(RUN).await?;
    let complete = operator.watched(RUN).expect("the run");
    world.api.told();

    // Another has its name by now: it is not deleted.
    world.api.remove("signingruns", RUN);
    world.api.create("signingruns", super::world::manifest(RUN, passing));
    let before = world.run(RUN);
    operator.step_with(complete).await?;
    let requests = world.api.requests();
    let delete = requests.iter().find(|request| request.to_string() == "DELETE signingruns/demo");
    assert_eq!(delete.expect("it is deleted").body["preconditions"]["uid"], uid);
    assert_eq!(world.run(RUN), before);
    Ok(())
}

#[tokio::test]
async fn a_finished_run_goes_when_its_time_has_passed() -> anyhow::Result<()> {
    let mut passing = spec();
    passing["ttlSecondsAfterFinished"] = json!(0);
    passing["deletionPolicy"] = json!("Delete");
    let (world, mut operator) = World::signing(passing).await?;
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert!(world.events().contains(&"Expired".to_owned()));
    assert!(world.api.get("signingruns", RUN).is_none());
    assert!(world.stored_runs().await?.is_empty());
    Ok(())
}

/// The API server was away, or nobody operated, while the run was completed.
#[tokio::test]
async fn a_run_that_was_complete_before_anybody_looked_says_when_by_the_ledger() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.sign(RUN, usize::MAX).await?;
    world.ledger.execute("ALTER TABLE chancery.runs DISABLE TRIGGER USER").await?;
    let earlier = "UPDATE chancery.runs SET created_at = now() - interval '10 minutes', completed_at = now() - interval '5 minutes'";
    world.ledger.execute(earlier).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    let status = world.run(RUN)["status"].clone();
    assert_eq!((&status["phase"], &status["elapsed"]), (&json!("Complete"), &json!("5m0s")), "{status}");
    let time = |field: &str| -> anyhow::Result<Timestamp> {
        Ok(status[field].as_str().expect("a time").parse::<Timestamp>()?)
    };
    assert_eq!(time("completionTime")?.duration_since(time("startTime")?).as_secs(), 300, "{status}");
    let note = world.note("Completed");
    assert!(note.contains("all 20 records are signed, after 5m0s"), "{note}");
    Ok(())
}

#[tokio::test]
async fn a_complete_run_that_the_ledger_keeps_can_go_without_an_operator() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    let finalizers = || world.run(RUN)["metadata"]["finalizers"].as_array().map_or(0, Vec::len);
    assert_eq!((world.phase(RUN), finalizers()), (Some(Phase::Complete), 0));
    let version = world.api.version();
    operator.settle(RUN).await?;
    assert_eq!(world.api.version(), version, "nothing is left to do");

    // It is to go with its part of the ledger: that is the operator's to remove.
    world.api.edit("signingruns", RUN, json!({"spec": {"deletionPolicy": "Delete"}}));
    operator.settle(RUN).await?;
    assert_eq!((world.phase(RUN), finalizers()), (Some(Phase::Complete), 1));
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    assert!(world.stored_runs().await?.is_empty());
    Ok(())
}
