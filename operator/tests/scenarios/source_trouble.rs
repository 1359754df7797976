//! Sources that cannot be read, or not as they are described; and what is wrong with what they offer.

use std::time::Duration;

use chancery_api::Phase;
use chancery_api::condition::ConditionType;
use chancery_kit::TestRun;
use chancery_store::intake::Task;
use serde_json::{Value, json};

use super::cluster::pod_status;
use super::reader::{Brought, INTAKE, bring, list, reading, source, take};
use super::world::{JOB, RUN, World, manifest, spec};

const POD: &str = "demo-intake-abcde";

fn with(sources: Value) -> Value {
    let mut spec = reading();
    spec["sources"] = sources;
    spec
}

/// A source of one line, changed.
fn changed(pointer: &str, value: Value) -> Value {
    let mut source = source("one");
    source["objects"][pointer] = value;
    source
}

#[tokio::test]
async fn what_can_be_seen_of_bad_sources_is_said_in_one_sentence_and_nothing_is_made() -> anyhow::Result<()> {
    let cases = [
        (changed("url", json!("ftp://host/a")), "SourceInvalid", "whose scheme is unknown"),
        (changed("endpoint", json!("http://169.254.169.254")), "SourceInvalid", "link-local"),
        (changed("include", json!(["a["])), "SourceInvalid", "cannot be read"),
        (
            changed("credentialsSecretRef", json!({"name": "chancery-kek"})),
            "SourceNotAllowed",
            "intake.allowed.secretPrefixes",
        ),
        (changed("url", json!("file:///etc")), "SourceNotAllowed", "objects.volumeClaim"),
        (json!({"name": "again", "run": {"name": "nobody"}}), "SourceInvalid", "there is no run nobody"),
    ];
    for (source, reason, wanted) in cases {
        let world = World::with_run(with(json!([source.clone()]))).await?;
        let mut operator = world.operator().await;
        operator.settle(RUN).await?;
        let (failed, found, message) = world.condition(RUN, ConditionType::Failed);
        assert!(failed && found == reason && message.contains(wanted), "{source}: {found}: {message}");
        assert!(message.starts_with("source "), "{message}");
        assert_eq!(world.phase(RUN), Some(Phase::Failed));
        assert!(world.stored_runs().await?.is_empty(), "{source}");
        assert!(world.api.all("jobs").is_empty() && world.api.all("secrets").is_empty());
        assert!(world.events().contains(&reason.to_owned()));
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_to_be_read_again_is_waited_for_until_it_is_sealed() -> anyhow::Result<()> {
    let world =
        World::with_run(with(json!([{"name": "again", "run": {"name": "first", "select": "All"}}]))).await?;
    let mut first = spec();
    first["suspend"] = json!(true);
    world.api.create("signingruns", manifest("first", first));
    let mut operator = world.operator().await;
    // A run that is suspended is made when it is resumed; one that is made and held is not sealed.
    world.api.edit("signingruns", "first", json!({"spec": {"suspend": false}}));
    for _ in 0..2 {
        operator.step("first").await?;
    }
    operator.settle(RUN).await?;
    let (progressing, reason, message) = world.condition(RUN, ConditionType::Progressing);
    assert!(!progressing && reason == "SourceUnavailable", "{reason}: {message}");
    assert!(message.contains("the run first is not sealed yet"), "{message}");
    assert_eq!(world.stored_runs().await?, ["first"]);

    operator.settle("first").await?;
    operator.settle(RUN).await?;
    assert_eq!(world.stored_runs().await?, [RUN, "first"]);
    assert!(world.api.get("jobs", INTAKE).is_some());
    Ok(())
}

#[tokio::test]
async fn a_run_that_cannot_be_read_again_is_said_so_and_no_run_is_made_for_it() -> anyhow::Result<()> {
    let world = World::new().await?;
    let mut operator = world.operator().await;
    world.api.create("signingruns", manifest("first", spec()));
    operator.settle("first").await?;
    TestRun::new().named("by-hand").keys(1).created(&world.ledger).await?;
    let mut again = async |name: &str, run: Value, wanted: &str| {
        world.api.create("signingruns", manifest(name, with(json!([{"name": "again", "run": run}]))));
        operator.settle(name).await?;
        let (failed, reason, message) = world.condition(name, ConditionType::Failed);
        assert!(failed && reason == "SourceInvalid" && message.contains(wanted), "{reason}: {message}");
        assert!(message.starts_with("source again: the run "), "{message}");
        anyhow::Ok(())
    };
    again("one", json!({"name": "first"}), "has generated records").await?;
    again("two", json!({"name": "by-hand", "select": "All"}), "was made without a cluster").await?;
    let deleted = "UPDATE chancery.runs SET deleted_at = clock_timestamp() WHERE name = 'first'";
    sqlx::query(deleted).execute(world.ledger.ledger.pool()).await?;
    again("three", json!({"name": "first", "select": "All"}), "is being deleted").await?;
    assert_eq!(world.stored_runs().await?, ["by-hand", "first"]);
    Ok(())
}

#[tokio::test]
async fn an_intake_that_is_refused_by_its_source_fails_the_run_until_it_reads() -> anyhow::Result<()> {
    let world = World::with_run(reading()).await?;
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    let said = "source one: the source s3://one does not accept the credentials (InvalidAccessKeyId)";
    world.api.intake_pod(RUN, POD, pod_status::ended(78, "Error", said));
    world.api.job_fails(INTAKE, "PodFailurePolicy", "Container intake failed with exit code 78");
    operator.settle(RUN).await?;
    let (failed, reason, message) = world.condition(RUN, ConditionType::Failed);
    assert!(failed && reason == "IntakeMisconfigured" && message.contains(said), "{reason}: {message}");
    assert_eq!(world.run(RUN)["status"]["records"]["received"], 0, "the ledger is as it was");

    world.api.collect_garbage();
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Failed), "until it reads something");
    let mut intake = world.intake("demo-intake-2/2").await?;
    list(&mut intake, 1).await?;
    let mut split = take(&mut intake).await?;
    bring(&mut intake, &mut split, Brought { payloads: 0..5, ..Brought::default() }).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert!(!world.condition(RUN, ConditionType::Failed).0);
    assert!(world.events().contains(&"Recovered".to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_source_that_goes_away_is_told_and_told_again_when_it_is_back() -> anyhow::Result<()> {
    let world = World::with_run(reading()).await?;
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    let mut intake = world.intake("demo-intake-1/1").await?;
    list(&mut intake, 1).await?;
    let split = take(&mut intake).await?;
    let why = "the source s3://one is not available: no route; reading continues once it answers";
    intake.give_back(&split.held, Some((why, Duration::ZERO))).await?;
    operator.settle(RUN).await?;
    let (progressing, reason, message) = world.condition(RUN, ConditionType::Progressing);
    assert!(!progressing && reason == "SourceUnavailable", "{reason}: {message}");
    assert_eq!(message, format!("source one: {why}"));
    assert!(!world.condition(RUN, ConditionType::Failed).0, "it passes by itself");
    assert_eq!(world.api.get("jobs", INTAKE).expect("the Job")["spec"]["suspend"], false);

    let mut split = take(&mut intake).await?;
    bring(&mut intake, &mut split, Brought { payloads: 0..5, ..Brought::default() }).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert!(world.condition(RUN, ConditionType::Progressing).0);
    for reason in ["SourceUnavailable", "SourceAvailable"] {
        assert_eq!(world.events().iter().filter(|told| *told == reason).count(), 1, "{reason}");
    }
    Ok(())
}

#[tokio::test]
async fn too_many_dead_letters_suspend_the_run_and_a_greater_limit_lets_it_go_on() -> anyhow::Result<()> {
    let world = World::with_run(reading()).await?;
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    let mut intake = world.intake("demo-intake-1/1").await?;
    list(&mut intake, 1).await?;
    let mut split = take(&mut intake).await?;
    let dead = ["a", "b", "c", "d"];
    bring(&mut intake, &mut split, Brought { payloads: 0..5, dead: &dead, done: false }).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Suspended));
    let (suspended, reason, message) = world.condition(RUN, ConditionType::Suspended);
    assert!(suspended && reason == "TooManyDeadLetters", "{reason}: {message}");
    assert!(message.contains("4 payloads") && message.contains("spec.deadLetter.limit is 3"), "{message}");
    for job in [INTAKE, JOB] {
        assert_eq!(world.api.get("jobs", job).expect("the Job")["spec"]["suspend"], true, "{job}");
    }
    assert!(world.events().contains(&"TooManyDeadLetters".to_owned()));
    assert!(!world.events().contains(&"Suspended".to_owned()), "nobody asked for it");

    world.api.edit("signingruns", RUN, json!({"spec": {"deadLetter": {"limit": 4}}}));
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    for job in [INTAKE, JOB] {
        assert_eq!(world.api.get("jobs", job).expect("the Job")["spec"]["suspend"], false, "{job}");
    }
    let next = intake.next().await?;
    assert!(matches!(next, Task::Read(_) | Task::Wait(_)), "{next:?}");
    Ok(())
}

#[tokio::test]
async fn an_object_that_changes_while_it_is_read_is_told_once() -> anyhow::Result<()> {
    let world = World::with_run(reading()).await?;
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    let mut intake = world.intake("demo-intake-1/1").await?;
    list(&mut intake, 2).await?;
    let mut split = take(&mut intake).await?;
    bring(&mut intake, &mut split, Brought { payloads: 0..5, dead: &["it is not JSON"], done: true }).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    let told = |world: &World| world.events().iter().filter(|told| *told == "ObjectChanged").count();
    assert_eq!(told(&world), 0, "that was another reason");
    let mut split = take(&mut intake).await?;
    let reason = format!("{}: a was pinned, b is there", chancery_sources::objects::OBJECT_CHANGED);
    bring(&mut intake, &mut split, Brought { payloads: 5..6, dead: &[&reason], done: true }).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(told(&world), 1);
    let events = world.api.all("events");
    let note = events.iter().find(|event| event["reason"] == "ObjectChanged").expect("the Event");
    assert_eq!(note["note"], format!("source one: {reason}"));
    Ok(())
}
