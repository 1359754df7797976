//! The signers' Job: it is as it should be, whoever did what to it.

use chancery_api::condition::ConditionType;
use chancery_api::{Phase, names};
use serde_json::{Value, json};

use super::cluster::pod_status;
use super::world::{JOB, RUN, World, manifest, spec};

fn job(world: &World) -> Value {
    world.api.get("jobs", JOB).expect("the Job")
}

#[tokio::test]
async fn a_run_is_scaled_within_its_keys_and_batches() -> anyhow::Result<()> {
    let mut wide = spec();
    wide["keyCount"] = json!(3);
    let (world, mut operator) = World::signing(wide).await?;
    assert_eq!(job(&world)["spec"]["parallelism"], 2);
    for (wanted, given) in [(1, 1), (3, 3), (1_000, 3)] {
        world.api.edit("signingruns", RUN, json!({"spec": {"parallelism": wanted}}));
        operator.settle(RUN).await?;
        assert_eq!(job(&world)["spec"]["parallelism"], given, "{wanted} are asked for, there are 3 keys");
    }
    assert_eq!(world.api.created("jobs"), 1);
    assert_eq!(world.events().iter().filter(|reason| *reason == "SignersScaled").count(), 2);
    Ok(())
}

#[tokio::test]
async fn a_job_that_is_edited_by_hand_comes_back_as_it_should_be() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let before = job(&world);
    world.api.edit("jobs", JOB, json!({
        "metadata": {"labels": {names::LABEL_RUN: "other", "team": "billing"}, "ownerReferences": before["metadata"]["ownerReferences"]},
        "spec": {"parallelism": 9, "backoffLimit": 0, "suspend": true},
    }));
    operator.settle(RUN).await?;
    assert_eq!(world.api.told()[0], "APPLY jobs/demo-signer");
    let mut after = job(&world);
    assert_eq!(after["spec"], before["spec"]);
    assert_eq!(after["metadata"]["labels"]["team"], "billing", "what others add stays");
    after["metadata"]["labels"].as_object_mut().expect("labels").remove("team");
    assert_eq!(after["metadata"]["labels"], before["metadata"]["labels"]);
    Ok(())
}

#[tokio::test]
async fn a_job_that_is_deleted_by_hand_comes_back() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.api.delete("jobs", JOB);
    operator.settle(RUN).await?;
    assert_eq!(world.api.told()[0], "APPLY jobs/demo-signer");
    assert_eq!(world.api.created("jobs"), 2);
    Ok(())
}

#[tokio::test]
async fn a_job_of_somebody_elses_is_left_alone_and_named() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let foreign = world.api.create(
        "jobs",
        json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": JOB}, "spec": {"template": {}},
        }),
    );
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert_eq!(job(&world), foreign);
    let (progressing, reason, message) = world.condition(RUN, ConditionType::Progressing);
    assert_eq!((progressing, reason.as_str()), (false, "JobNameTaken"), "{message}");
    assert!(world.events().contains(&"JobNameTaken".to_owned()));
    assert!(world.run(RUN)["status"]["job"].is_null());

    world.api.delete("jobs", JOB);
    operator.settle(RUN).await?;
    assert_eq!(job(&world)["metadata"]["ownerReferences"][0]["uid"], world.run(RUN)["metadata"]["uid"]);
    assert!(world.condition(RUN, ConditionType::Progressing).0);
    Ok(())
}

#[tokio::test]
async fn another_template_makes_another_job_once_the_old_one_is_gone() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let first = job(&world)["metadata"]["uid"].clone();
    let template = json!({"nodeSelector": {"disk": "fast"}});
    world.api.edit("signingruns", RUN, json!({"spec": {"signerTemplate": template}}));
    operator.settle(RUN).await?;
    assert_eq!(job(&world)["metadata"]["uid"], first, "its pods are still ending");
    let told = world.api.told();
    let jobs: Vec<_> = told.iter().filter(|request| request.contains("jobs")).collect();
    assert_eq!(jobs, ["DELETE jobs/demo-signer"], "asked for once");

    world.api.collect_garbage();
    operator.settle(RUN).await?;
    assert_ne!(job(&world)["metadata"]["uid"], first);
    assert_eq!(job(&world)["spec"]["template"]["spec"]["nodeSelector"]["disk"], "fast");
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    Ok(())
}

#[tokio::test]
async fn a_job_that_kueue_holds_is_left_suspended_and_one_that_it_admits_is_left_running()
-> anyhow::Result<()> {
    let world = World::new().await?;
    let mut queued = manifest(RUN, spec());
    queued["metadata"]["labels"] = json!({names::LABEL_QUEUE: "signing"});
    world.api.create("signingruns", queued);
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert_eq!(job(&world)["spec"]["suspend"], true, "Kueue is to admit it");
    assert_eq!(job(&world)["metadata"]["labels"][names::LABEL_QUEUE], "signing");
    assert_eq!(world.condition(RUN, ConditionType::Progressing).1, "Queued");

    for suspended in [false, true] {
        world.api.edit("jobs", JOB, json!({"spec": {"suspend": suspended}}));
        world.api.told();
        operator.settle(RUN).await?;
        assert_eq!(job(&world)["spec"]["suspend"], suspended);
        assert!(!world.api.told().iter().any(|request| request.contains("jobs")));
    }
    assert!(!world.events().contains(&"Queued".to_owned()), "waiting for a turn is no news");
    Ok(())
}

#[tokio::test]
async fn signers_that_can_never_work_fail_the_run_until_they_do() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let said = "the data key file /etc/chancery/signer/data-key holds no data key";
    world.api.pod(RUN, "demo-signer-abcde", pod_status::ended(78, "Error", said));
    world.api.job_fails(JOB, "PodFailurePolicy", "Container signer failed with exit code 78");
    operator.settle(RUN).await?;
    let (failed, reason, message) = world.condition(RUN, ConditionType::Failed);
    assert!(failed && message.contains(said), "{message}");
    assert_eq!(reason, "SignerMisconfigured");

    world.api.collect_garbage();
    operator.settle(RUN).await?;
    assert_eq!(world.api.created("jobs"), 2, "it is retried");
    assert_eq!(world.phase(RUN), Some(Phase::Failed), "until a signer gets to work");
    world.sign(RUN, 1).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert!(world.events().contains(&"Recovered".to_owned()));
    Ok(())
}

/// Signers that fail by themselves, each in a pod that stays.
fn fail_signers(world: &World, numbers: std::ops::RangeInclusive<i32>) {
    for number in numbers {
        world.api.pod(RUN, &format!("demo-signer-{number}-abcde"), pod_status::ended(1, "Error", "a defect"));
        world.api.edit("jobs", JOB, json!({"status": {"failed": number}}));
    }
}

fn failed(world: &World) -> Value {
    world.run(RUN)["status"]["signers"]["failed"].clone()
}

#[tokio::test]
async fn signers_that_failed_are_counted_when_their_pods_are_gone_and_those_of_another_job_are_not()
-> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    fail_signers(&world, 1..=2);
    operator.settle(RUN).await?;
    for number in 1..=2 {
        world.api.remove("pods", &format!("demo-signer-{number}-abcde"));
    }
    fail_signers(&world, 3..=3);
    operator.settle(RUN).await?;
    assert_eq!(failed(&world), 3);

    // Neither is in the memory of the next one, nor is its pod there.
    world.api.remove("pods", "demo-signer-3-abcde");
    drop(operator);
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert_eq!(failed(&world), 3);

    world.api.delete("jobs", JOB);
    world.api.collect_garbage();
    operator.settle(RUN).await?;
    world.api.edit("jobs", JOB, json!({"status": {"failed": 2}}));
    operator.settle(RUN).await?;
    assert_eq!(failed(&world), 0, "two were evicted");
    Ok(())
}

#[tokio::test]
async fn a_job_that_is_used_up_by_evictions_is_replaced() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let first = job(&world)["metadata"]["uid"].clone();
    fail_signers(&world, 1..=1);
    operator.settle(RUN).await?;
    world.api.job_fails(JOB, "FailedIndexes", "Job has failed indexes");
    world.api.edit("jobs", JOB, json!({"status": {"failed": 2_000}}));
    operator.settle(RUN).await?;
    world.api.collect_garbage();
    operator.settle(RUN).await?;
    assert_ne!(job(&world)["metadata"]["uid"], first);
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert!(!world.events().contains(&"SignersFailed".to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_run_whose_signers_failed_too_often_goes_on_when_asked_to() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    fail_signers(&world, 1..=6);
    operator.settle(RUN).await?;
    assert_eq!(job(&world)["spec"]["backoffLimit"], 108, "as many may fail");
    fail_signers(&world, 7..=7);
    operator.settle(RUN).await?;
    assert_eq!(job(&world)["spec"]["backoffLimit"], 6, "Kubernetes is to give it up");
    world.api.told();
    world.api.job_fails(JOB, "BackoffLimitExceeded", "Job has reached the specified backoff limit");
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, ConditionType::Failed).1, "SignersFailed");
    assert!(world.api.told().iter().all(|request| !request.contains("jobs")), "it stays as evidence");

    world.api.edit("signingruns", RUN, json!({"metadata": {"annotations": {names::ANNOTATION_RETRY: "1"}}}));
    operator.settle(RUN).await?;
    world.api.collect_garbage();
    operator.settle(RUN).await?;
    assert_eq!(world.api.created("jobs"), 2);
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    Ok(())
}
