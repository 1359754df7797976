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
    operator.settle(RUN).await?;
    assert!(world.events().contains(&"SignerFailed".to_owned()), "before the Job counts it");
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
async fn a_note_is_no_longer_than_an_api_server_takes() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.api.pod(RUN, "demo-signer-abcde", pod_status::ended(1, "Error", &"€".repeat(2_000)));
    world.api.edit("jobs", JOB, json!({"status": {"failed": 1}}));
    operator.settle(RUN).await?;
    let failed = world.api.all("events").into_iter().find(|event| event["reason"] == "SignerFailed");
    let event = failed.expect("the Event");
    assert!(event["note"].as_str().is_some_and(|note| note.len() <= 1_024), "{event}");
    assert_eq!(event["action"], "SignerFailed");
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

#[tokio::test]
async fn what_is_told_with_other_words_is_another_event_and_what_is_told_again_is_counted()
-> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    for parallelism in [1, 2, 1] {
        world.api.edit("signingruns", RUN, json!({"spec": {"parallelism": parallelism}}));
        operator.settle(RUN).await?;
    }
    let scaled: Vec<_> =
        world.api.all("events").into_iter().filter(|event| event["reason"] == "SignersScaled").collect();
    let mut told: Vec<(String, u64)> = scaled
        .iter()
        .map(|event| {
            let note = event["note"].as_str().unwrap_or_default().to_owned();
            (note, event["series"]["count"].as_u64().unwrap_or(1))
        })
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            ("Job demo-signer runs up to 1 signers; it ran up to 2 before".to_owned(), 2),
            ("Job demo-signer runs up to 2 signers; it ran up to 1 before".to_owned(), 1),
        ]
    );
    Ok(())
}
