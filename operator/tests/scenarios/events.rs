//! What `kubectl describe` tells: each thing once.

use serde_json::json;

use super::cluster::pod_status;
use super::fake::Failure;
use super::world::{JOB, RUN, World, spec};

#[tokio::test]
async fn the_story_of_a_run_is_told_once() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    for suspend in [true, false] {
        world.api.edit("signingruns", RUN, json!({"spec": {"suspend": suspend}}));
        operator.settle(RUN).await?;
    }
    world.api.pod(RUN, "demo-signer-abcde", pod_status::ended(1, "Error", "a defect"));
    world.api.edit("jobs", JOB, json!({"status": {"failed": 1}}));
    operator.settle(RUN).await?;
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(
        world.events(),
        [
            "Completed",
            "KeyringReady",
            "Resumed",
            "Sealed",
            "Seeding",
            "SignerFailed",
            "SignersStarted",
            "Suspended"
        ]
    );
    let failed = world.api.all("events").into_iter().find(|event| event["reason"] == "SignerFailed");
    let note = failed.expect("the Event")["note"].to_string();
    assert!(note.contains("1 signer pods failed so far; the last said: a defect"), "{note}");
    Ok(())
}

#[tokio::test]
async fn an_operator_that_takes_over_tells_nothing_again() -> anyhow::Result<()> {
    let (world, operator) = World::signing(spec()).await?;
    drop(operator);
    let before = world.events();
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert_eq!(world.events(), before);
    Ok(())
}

#[tokio::test]
async fn events_that_are_refused_hinder_nothing() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    world.api.fail(usize::MAX, "CREATE events", Failure::Refused(403, "events is forbidden"));
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    world.assert_audit_holds(RUN).await?;
    assert_eq!(world.run(RUN)["status"]["phase"], "Complete");
    Ok(())
}

#[tokio::test]
async fn an_event_says_whom_it_regards_and_who_tells_it() -> anyhow::Result<()> {
    let (world, _operator) = World::signing(spec()).await?;
    for event in world.api.all("events") {
        assert_eq!(event["regarding"]["uid"], world.run(RUN)["metadata"]["uid"]);
        assert_eq!((&event["regarding"]["kind"], &event["type"]), (&json!("SigningRun"), &json!("Normal")));
        assert_eq!(event["reportingController"], "chancery-operator");
    }
    Ok(())
}
