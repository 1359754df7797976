//! Deleting a run, in every state and whatever is broken.

use chancery_api::condition::ConditionType;
use chancery_api::{Phase, names};
use serde_json::{Value, json};

use super::cluster::pod_status;
use super::world::{JOB, RUN, World, manifest, spec};

fn with_policy(policy: &str) -> Value {
    let mut spec = spec();
    spec["deletionPolicy"] = json!(policy);
    spec
}

#[tokio::test]
async fn by_retain_the_ledger_keeps_everything() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(with_policy("Retain")).await?;
    world.sign(RUN, 2).await?;
    let before = world.ledger.fingerprint().await?;
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    assert_eq!(world.api.told()[..2], ["DELETE jobs/demo-signer", "MERGE signingruns/demo"]);
    assert!(world.api.get("signingruns", RUN).is_none());
    assert_eq!(world.ledger.fingerprint().await?, before);
    Ok(())
}

#[tokio::test]
async fn by_delete_the_ledger_is_cleared_before_the_run_goes() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(with_policy("Delete")).await?;
    world.sign(RUN, 2).await?;
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    let told = world.api.told();
    assert_eq!(told.first().map(String::as_str), Some("DELETE jobs/demo-signer"));
    assert_eq!(told.iter().filter(|request| *request == "MERGE signingruns/demo").count(), 1);
    assert!(world.api.get("signingruns", RUN).is_none());
    assert!(world.stored_runs().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_deleted_while_it_is_seeded_is_gone_from_everywhere() -> anyhow::Result<()> {
    for steps in 1..=3 {
        let world = World::with_run(with_policy("Delete")).await?;
        let mut operator = world.operator().await;
        for _ in 0..steps {
            operator.step(RUN).await?;
        }
        world.api.delete("signingruns", RUN);
        operator.settle(RUN).await?;
        assert!(world.api.get("signingruns", RUN).is_none(), "after {steps} steps");
        assert!(world.stored_runs().await?.is_empty(), "after {steps} steps");
        assert!(world.api.all("jobs").is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn signers_may_finish_what_they_have_in_hand_before_the_ledger_is_cleared() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(with_policy("Delete")).await?;
    world.api.pod(RUN, "demo-signer-abcde", pod_status::running());
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, ConditionType::Progressing).1, "SignersStopping");
    assert_eq!(world.stored_runs().await?, [RUN]);

    world.api.pod_becomes("demo-signer-abcde", pod_status::ended(130, "Error", "stopped"));
    operator.settle(RUN).await?;
    assert!(world.api.get("signingruns", RUN).is_none());
    assert!(world.stored_runs().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn without_its_database_a_run_says_so_stays_and_goes_once_the_database_is_back() -> anyhow::Result<()> {
    let (world, operator) = World::signing(with_policy("Delete")).await?;
    drop(operator);
    let mut operator = world.operator_without_database();
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    let (progressing, reason, message) = world.condition(RUN, ConditionType::Progressing);
    assert_eq!((progressing, reason.as_str()), (false, "DatabaseUnavailable"));
    assert!(message.contains(names::ANNOTATION_ABANDON_LEDGER), "{message}");
    assert!(world.events().contains(&"DatabaseUnavailable".to_owned()));
    assert_eq!(world.run(RUN)["metadata"]["finalizers"], json!([names::FINALIZER]));
    assert!(world.api.told().contains(&"DELETE jobs/demo-signer".to_owned()), "its signers go at once");

    operator.connect().await;
    world.api.collect_garbage();
    operator.settle(RUN).await?;
    assert!(world.api.get("signingruns", RUN).is_none());
    assert!(world.stored_runs().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn the_annotation_lets_a_run_go_whose_database_is_gone_for_good() -> anyhow::Result<()> {
    let (world, operator) = World::signing(with_policy("Delete")).await?;
    drop(operator);
    let mut operator = world.operator_without_database();
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    let annotations = json!({names::ANNOTATION_ABANDON_LEDGER: "true"});
    world.api.edit("signingruns", RUN, json!({"metadata": {"annotations": annotations}}));
    operator.settle(RUN).await?;
    assert!(world.api.get("signingruns", RUN).is_none());
    assert_eq!(world.stored_runs().await?, [RUN]);
    Ok(())
}

#[tokio::test]
async fn a_run_whose_name_another_holds_in_the_ledger_deletes_nothing_of_it() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(with_policy("Retain")).await?;
    world.sign(RUN, 1).await?;
    let former = world.run(RUN)["metadata"]["uid"].clone();
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    world.api.collect_garbage();
    let before = world.ledger.fingerprint().await?;

    let mut spec = with_policy("Delete");
    spec["recordCount"] = json!(21);
    let mut other = manifest(RUN, spec);
    other["metadata"]["annotations"] = json!({names::ANNOTATION_ADOPT: former});
    world.api.create("signingruns", other);
    operator.settle(RUN).await?;
    let (failed, reason, message) = world.condition(RUN, ConditionType::Failed);
    assert!(failed && message.contains("its recordCount is 20, not 21"), "{message}");
    assert_eq!(reason, "NameTaken");
    assert!(world.api.get("jobs", JOB).is_none());

    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    assert!(world.api.get("signingruns", RUN).is_none());
    assert_eq!(world.ledger.fingerprint().await?, before);
    Ok(())
}

#[tokio::test]
async fn a_run_whose_spec_became_invalid_goes_and_deletes_nothing_of_the_ledger() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(with_policy("Delete")).await?;
    world.api.edit("signingruns", RUN, json!({"spec": {"keyCount": 0}}));
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Failed));
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    assert!(world.api.get("signingruns", RUN).is_none());
    assert_eq!(world.stored_runs().await?, [RUN]);
    Ok(())
}

#[tokio::test]
async fn a_run_without_the_finalizer_is_let_alone_when_it_is_deleted() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    world.api.edit("signingruns", RUN, json!({"metadata": {"finalizers": ["example.com/other"]}}));
    world.api.delete("signingruns", RUN);
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert!(!world.api.told().iter().any(|request| request.starts_with("MERGE")));
    assert!(world.stored_runs().await?.is_empty() && world.api.all("jobs").is_empty());
    Ok(())
}

#[tokio::test]
async fn a_run_waits_until_an_earlier_one_of_its_name_is_out_of_the_ledger() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(with_policy("Retain")).await?;
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    world.api.collect_garbage();
    let earlier = world.stored(RUN).await?;
    world.ledger.execute("UPDATE chancery.runs SET deleted_at = now(), suspended = true").await?;

    world.api.create("signingruns", manifest(RUN, spec()));
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, ConditionType::Progressing).1, "NameBeingDeleted");
    world.ledger.ledger.delete_run(&earlier).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert_ne!(world.stored(RUN).await?.id, earlier.id);
    Ok(())
}
