//! Pods that do not come to run: the cluster knows why, and the run says so.

use std::time::Duration;

use chancery_api::condition::ConditionType::Progressing;
use kube::runtime::controller::Action;

use super::cluster::pod_status;
use super::fake::Failure;
use super::world::{JOB, RUN, World, spec};

#[tokio::test]
async fn a_namespace_that_was_not_prepared_is_told_of_at_once_with_the_command_that_mends_it()
-> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.api.job_starts(JOB);
    assert_eq!(operator.settle(RUN).await?, Action::requeue(Duration::from_secs(1)), "it looks again soon");
    let words = "pods \"demo-signer-\" is forbidden: error looking up service account default/signer: serviceaccount \"signer\" not found";
    world.api.tell_of("jobs", JOB, ("Warning", "FailedCreate", words));
    operator.settle(RUN).await?;
    let (_, reason, message) = world.condition(RUN, Progressing);
    assert_eq!(reason, "SignersNotStarting");
    for words in [words, "`kubectl create serviceaccount signer --namespace default`"] {
        assert!(message.contains(words), "{words:?} is not in: {message}");
    }
    assert!(world.events().contains(&"SignersNotStarting".to_owned()));

    world.api.pod(RUN, "demo-signer-abcde", pod_status::running());
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, Progressing).1, "Signing");
    Ok(())
}

#[tokio::test]
async fn a_pod_that_hangs_for_whatever_reason_is_told_of_with_what_is_said_of_it() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let name = "demo-signer-abcde";
    world.api.pod(RUN, name, pod_status::waiting("ContainerCreating", ""));
    let words = "failed to setup network for sandbox: no IP addresses available";
    world.api.tell_of("pods", name, ("Warning", "FailedCreatePodSandBox", words));
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, Progressing).1, "Signing", "it may take a while");
    world.api.pod_ages(name, 30);
    operator.settle(RUN).await?;
    let (_, reason, message) = world.condition(RUN, Progressing);
    assert_eq!(reason, "SignersNotStarting");
    assert!(message.ends_with(&format!("(ContainerCreating): FailedCreatePodSandBox: {words}")), "{message}");
    assert!(world.events().contains(&"SignersNotStarting".to_owned()));
    let signers = &world.run(RUN)["status"]["signers"];
    assert_eq!((&signers["active"], &signers["pods"]), (&0.into(), &1.into()), "none is at work");
    Ok(())
}

#[tokio::test]
async fn a_secret_that_nobody_made_is_told_of_within_seconds_with_the_command_that_makes_it()
-> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let name = "demo-signer-abcde";
    world.api.pod(RUN, name, pod_status::waiting("ContainerCreating", ""));
    let words = "MountVolume.SetUp failed for volume \"ca\" : secret \"database-ca\" not found";
    world.api.tell_of("pods", name, ("Warning", "FailedMount", words));
    operator.settle(RUN).await?;
    world.api.pod_ages(name, 2);
    operator.settle(RUN).await?;
    let (_, reason, message) = world.condition(RUN, Progressing);
    assert_eq!(reason, "SignersNotStarting");
    for words in [words, "`kubectl create secret generic database-ca --namespace default"] {
        assert!(message.contains(words), "{words:?} is not in: {message}");
    }
    Ok(())
}

#[tokio::test]
async fn signers_that_hang_beside_others_are_told_of_and_stop_nothing() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.api.pod(RUN, "demo-signer-abcde", pod_status::running());
    world.api.pod(RUN, "demo-signer-fghij", pod_status::waiting("ContainerCreating", ""));
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, Progressing).1, "Signing");
    world.api.pod_ages("demo-signer-fghij", 30);
    for _ in 0..2 {
        operator.settle(RUN).await?;
        let (progressing, reason, message) = world.condition(RUN, Progressing);
        assert_eq!((progressing, reason.as_str()), (true, "SomeSignersNotStarting"), "{message}");
        assert!(message.contains("1 of 2 pods run: pod demo-signer-fghij does not run"), "{message}");
    }
    let told = world.events().iter().filter(|told| *told == "SomeSignersNotStarting").count();
    assert_eq!(told, 1);
    Ok(())
}

#[tokio::test]
async fn an_operator_that_may_not_read_events_says_that() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.api.fail(usize::MAX, "GET events", Failure::Refused(403, "events is forbidden"));
    let name = "demo-signer-abcde";
    world.api.pod(RUN, name, pod_status::waiting("ContainerCreating", ""));
    world.api.pod_ages(name, 30);
    operator.settle(RUN).await?;
    let (_, reason, message) = world.condition(RUN, Progressing);
    assert_eq!(reason, "SignersNotStarting");
    assert!(message.contains("cannot read its Events") && message.contains("forbidden"), "{message}");
    Ok(())
}
