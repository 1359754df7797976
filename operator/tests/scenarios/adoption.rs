//! A name in the ledger is not a run: what was made for one object is not the next one's of its name.

use chancery_api::condition::ConditionType;
use chancery_api::{Phase, names};
use kube::runtime::controller::Action;
use serde_json::{Value, json};
use std::time::Duration;

use super::fake::Failure;
use super::test_operator::TestOperator;
use super::world::{JOB, RUN, World, manifest, spec};

const RING: &str = "shared";

/// How soon the operator looks again for what only others can change.
const LOOK_AGAIN: Action = Action::requeue(Duration::from_secs(60));

fn with_policy(policy: &str) -> Value {
    let mut spec = spec();
    spec["deletionPolicy"] = json!(policy);
    spec
}

fn on_ring() -> Value {
    let mut spec = spec();
    spec["keyringRef"] = json!({"name": RING});
    spec
}

/// The uid of a run's object.
fn uid(world: &World, name: &str) -> String {
    world.run(name)["metadata"]["uid"].as_str().expect("a uid").to_owned()
}

fn annotate(world: &World, name: &str, annotation: &str, value: &str) {
    world.api.edit("signingruns", name, json!({"metadata": {"annotations": {annotation: value}}}));
}

/// A world whose run is signed, and kept in the ledger without its SigningRun; and the uid of that.
async fn kept() -> anyhow::Result<(World, TestOperator, String)> {
    let (world, mut operator) = World::signing(with_policy("Retain")).await?;
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    let former = uid(&world, RUN);
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    assert!(world.api.get("signingruns", RUN).is_none());
    world.api.collect_garbage();
    Ok((world, operator, former))
}

/// "The run `demo` of whoever had this namespace before is kept in the ledger. I apply one of that name: it is complete at
/// once, with their signatures, and when I delete it, so are they."
#[tokio::test]
async fn what_is_kept_of_a_former_run_is_neither_shown_nor_deleted_under_its_name() -> anyhow::Result<()> {
    let (world, mut operator, former) = kept().await?;
    let before = world.ledger.fingerprint().await?;
    world.api.create("signingruns", manifest(RUN, with_policy("Delete")));
    assert_eq!(operator.settle(RUN).await?, LOOK_AGAIN);
    let (failed, reason, message) = world.condition(RUN, ConditionType::Failed);
    assert_eq!((failed, reason.as_str(), world.phase(RUN)), (true, "NotAdopted", Some(Phase::Failed)));
    assert!(message.starts_with("since 20") && message.contains("chancery.dev/adopt"), "{message}");
    let shown = world.run(RUN).to_string();
    assert!(!shown.contains(&former), "the uid of the former run is the proof that one may see it: {shown}");
    assert_eq!(world.run(RUN)["status"]["records"]["signed"], 0);
    assert!(world.api.get("jobs", JOB).is_none());
    assert_eq!(world.events().iter().filter(|reason| *reason == "NotAdopted").count(), 1);

    // Nor by guesses.
    annotate(&world, RUN, names::ANNOTATION_ADOPT, "00000000-0000-0000-0000-000000000000");
    annotate(&world, RUN, names::ANNOTATION_DELETE_ADOPTED, "true");
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, ConditionType::Failed).1, "NotAdopted");
    annotate(&world, RUN, names::ANNOTATION_ADOPT, &uid(&world, RUN));
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, ConditionType::Failed).1, "NotAdopted");

    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    assert!(world.api.get("signingruns", RUN).is_none(), "it goes, and what it never had stays");
    assert_eq!(world.ledger.fingerprint().await?, before);
    Ok(())
}

#[tokio::test]
async fn whoever_names_the_former_run_takes_it_over_as_it_stands() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.sign(RUN, 1).await?;
    let former = uid(&world, RUN);
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    world.api.create("signingruns", manifest(RUN, spec()));
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, ConditionType::Failed).1, "NotAdopted");

    annotate(&world, RUN, names::ANNOTATION_ADOPT, &former);
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing), "{:?}", world.run(RUN));
    assert!(world.events().contains(&"Adopted".to_owned()));
    let owner = world.stored(RUN).await?.owner;
    assert_eq!(owner.object_uid.to_string(), uid(&world, RUN));
    assert_eq!(owner.adopted_from.map(|uid| uid.to_string()), Some(former));
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    world.assert_audit_holds(RUN).await
}

#[tokio::test]
async fn what_was_taken_over_is_deleted_by_a_second_word_alone() -> anyhow::Result<()> {
    let (world, mut operator, mut former) = kept().await?;
    for second_word in [None, Some("true"), Some("former")] {
        let mut run = manifest(RUN, with_policy("Delete"));
        run["metadata"]["annotations"] = json!({names::ANNOTATION_ADOPT: former});
        if let Some(word) = second_word {
            let word = if word == "former" { &former } else { word };
            run["metadata"]["annotations"][names::ANNOTATION_DELETE_ADOPTED] = json!(word);
        }
        world.api.create("signingruns", run);
        operator.settle(RUN).await?;
        assert_eq!(world.phase(RUN), Some(Phase::Complete), "{:?}", world.run(RUN));
        former = uid(&world, RUN);
        let told = world.events().iter().filter(|reason| *reason == "AdoptedKept").count();
        world.api.delete("signingruns", RUN);
        operator.settle(RUN).await?;
        assert!(world.api.get("signingruns", RUN).is_none());
        let tells = world.events().iter().filter(|reason| *reason == "AdoptedKept").count() - told;
        if second_word == Some("former") {
            assert!(world.stored_runs().await?.is_empty());
            assert_eq!(tells, 0);
        } else {
            assert_eq!(world.stored_runs().await?, [RUN], "{second_word:?}");
            assert_eq!(tells, 1, "it is told that it stays");
        }
    }
    Ok(())
}

/// "I have the namespace `default` now. Whoever had it before signed with the ring `shared`: so do I."
#[tokio::test]
async fn a_namespace_that_is_made_anew_does_not_get_the_keys_of_the_former_one() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(on_ring()).await?;
    let maker = uid(&world, RUN);
    assert_eq!(world.run(RUN)["status"]["keyring"]["madeBy"], json!(maker));
    world.api.make_namespace();
    operator.step(RUN).await?;

    world.api.create("signingruns", manifest("mine", on_ring()));
    operator.settle("mine").await?;
    let (_, reason, message) = world.condition("mine", ConditionType::Failed);
    assert_eq!(reason, "KeyringNotAdopted", "{message}");
    assert!(!message.contains(&maker) && message.contains("adopt-keyring"), "{message}");
    let mut other = on_ring();
    other["algorithm"] = json!("ES256");
    world.api.create("signingruns", manifest("nosy", other));
    operator.settle("nosy").await?;
    let (_, reason, message) = world.condition("nosy", ConditionType::Failed);
    assert_eq!(reason, "KeyringNotAdopted", "what the ring is like is not told: {message}");
    assert_eq!(world.stored_runs().await?, [RUN], "nothing is left of a run that was refused");

    annotate(&world, "mine", names::ANNOTATION_ADOPT_KEYRING, &maker);
    operator.settle("mine").await?;
    assert_eq!(world.phase("mine"), Some(Phase::Signing), "{:?}", world.run("mine"));
    assert_eq!(world.run("mine")["status"]["keyring"]["madeBy"], json!(uid(&world, "mine")));
    world.api.create("signingruns", manifest("second", on_ring()));
    operator.settle("second").await?;
    assert_eq!(world.phase("second"), Some(Phase::Signing), "the ring is the namespace's now");

    // What proved once is no proof for the next namespace.
    world.api.make_namespace();
    let mut third = manifest("third", on_ring());
    third["metadata"]["annotations"] = json!({names::ANNOTATION_ADOPT_KEYRING: maker});
    world.api.create("signingruns", third);
    operator.settle("third").await?;
    assert_eq!(world.condition("third", ConditionType::Failed).1, "KeyringNotAdopted");
    Ok(())
}

#[tokio::test]
async fn a_run_is_not_taken_over_with_a_ring_of_another_namespace_that_was_not_named() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(on_ring()).await?;
    let former = uid(&world, RUN);
    world.api.make_namespace();
    operator.step(RUN).await?;
    let mut run = manifest(RUN, on_ring());
    run["metadata"]["annotations"] = json!({names::ANNOTATION_ADOPT: former});
    world.api.create("signingruns", run);
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, ConditionType::Failed).1, "KeyringNotAdopted");
    assert_eq!(world.stored(RUN).await?.owner.object_uid.to_string(), former, "neither is taken over");
    annotate(&world, RUN, names::ANNOTATION_ADOPT_KEYRING, &former);
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing), "{:?}", world.run(RUN));
    Ok(())
}

#[tokio::test]
async fn what_was_made_before_owners_were_kept_is_that_of_the_object_that_was_there_before_it()
-> anyhow::Result<()> {
    const FORGOTTEN: &str = "UPDATE chancery.runs SET namespace_uid = NULL, object_uid = gen_random_uuid();
                             UPDATE chancery.keyrings SET namespace_uid = NULL, object_uid = gen_random_uuid()";
    let (world, operator) = World::signing(on_ring()).await?;
    drop(operator);
    world.ledger.execute(FORGOTTEN).await?;
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing), "{:?}", world.run(RUN));
    let stored = world.stored(RUN).await?;
    assert_eq!(stored.owner.object_uid.to_string(), uid(&world, RUN));
    assert!(stored.owner.adopted_from.is_none() && stored.keyring.owner.namespace_uid.is_some());

    // An object, or a namespace, that was made later is another.
    world.ledger.execute(FORGOTTEN).await?;
    world
        .ledger
        .execute(
            "UPDATE chancery.runs SET created_at = now() - interval '1 hour';
             UPDATE chancery.keyrings SET created_at = now() - interval '1 hour'",
        )
        .await?;
    drop(operator);
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, ConditionType::Failed).1, "NotAdopted");
    world.api.create("signingruns", manifest("other", on_ring()));
    operator.settle("other").await?;
    assert_eq!(world.condition("other", ConditionType::Failed).1, "KeyringNotAdopted");
    Ok(())
}

#[tokio::test]
async fn an_operator_that_may_not_read_the_namespace_makes_nothing_and_says_so() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let mut operator = world.operator().await;
    let said = "namespaces \"default\" is forbidden: cannot get resource \"namespaces\"";
    world.api.fail(usize::MAX, "GET namespaces", Failure::Refused(403, said));
    operator.step(RUN).await?;
    let error = operator.step(RUN).await.expect_err("it is forbidden");
    assert_eq!(error.label(), "Namespace");
    let (progressing, reason, message) = world.condition(RUN, ConditionType::Progressing);
    assert_eq!((progressing, reason.as_str()), (false, "NamespaceUnreadable"));
    assert!(message.contains(said) && message.contains("get on namespaces"), "{message}");
    assert!(world.stored_runs().await?.is_empty());

    world.api.mend();
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    Ok(())
}
