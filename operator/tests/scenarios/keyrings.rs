//! Keyrings with a name, which several runs sign with.

use chancery_api::Phase;
use chancery_api::condition::ConditionType;
use kube::runtime::controller::Action;
use serde_json::{Value, json};
use std::time::Duration;

use super::test_operator::TestOperator;
use super::world::{World, manifest, spec};

const RING: &str = "shared";

/// How soon the operator looks again for a keyring.
const LOOK_AGAIN: Action = Action::requeue(Duration::from_secs(15));

/// A run that makes the ring, if it is the first.
fn making() -> Value {
    let mut spec = spec();
    spec["keyringRef"] = json!({"name": RING});
    spec["deletionPolicy"] = json!("Delete");
    spec
}

/// A run that takes the ring as it is.
fn taking() -> Value {
    json!({
        "recordCount": 15, "recordSize": 16, "batchSize": 3, "deletionPolicy": "Delete",
        "keyringRef": {"name": RING},
    })
}

/// A world with two runs on one ring, both with their Job.
async fn two() -> anyhow::Result<(World, TestOperator)> {
    let world = World::new().await?;
    let mut operator = world.operator().await;
    for (name, spec) in [("one", making()), ("two", taking())] {
        world.api.create("signingruns", manifest(name, spec));
        operator.settle(name).await?;
        assert_eq!(world.phase(name), Some(Phase::Signing), "{name}: {:?}", world.run(name));
    }
    Ok((world, operator))
}

#[tokio::test]
async fn two_runs_sign_with_one_ring_in_turn() -> anyhow::Result<()> {
    let (world, mut operator) = two().await?;
    let ring = world.run("one")["status"]["keyring"].clone();
    let maker = world.run("one")["metadata"]["uid"].clone();
    assert_eq!(ring, json!({"name": RING, "algorithm": "EdDSA", "keyCount": 2, "madeBy": maker}));
    assert_eq!(world.run("two")["status"]["keyring"], ring, "as the first run made it");
    assert_eq!(world.stored("one").await?.keyring.id, world.stored("two").await?.keyring.id);
    for _ in 0..2 {
        world.sign("one", 1).await?;
        world.sign("two", 1).await?;
    }
    for name in ["one", "two"] {
        world.sign(name, usize::MAX).await?;
        operator.look(name).await?;
        operator.settle(name).await?;
        assert_eq!(world.phase(name), Some(Phase::Complete));
        world.assert_audit_holds(name).await?;
    }
    world.assert_keyring_audit_holds(RING).await
}

#[tokio::test]
async fn a_key_that_one_run_holds_is_counted_by_both() -> anyhow::Result<()> {
    let (world, mut operator) = two().await?;
    let _lease = world.lease("one", "signer-1/1").await?;
    for (name, batches) in [("one", 1), ("two", 0)] {
        operator.look(name).await?;
        operator.settle(name).await?;
        let status = world.run(name)["status"].clone();
        assert_eq!(status["keys"], json!({"total": 2, "made": 2, "leased": 1}), "{name}");
        assert_eq!(status["batches"]["leased"], batches, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_deleted_leaves_the_ring_and_the_other_run() -> anyhow::Result<()> {
    let (world, mut operator) = two().await?;
    world.sign("one", 1).await?;
    let held = world.lease("one", "signer-1/1").await?;
    world.api.delete("signingruns", "one");
    operator.settle("one").await?;
    assert!(world.api.get("signingruns", "one").is_none());
    assert_eq!(world.stored_runs().await?, ["two"]);
    assert!(world.ledger.ledger.find_keyring("default", RING).await?.filled);

    let other = world.lease("two", "signer-2/2").await?;
    assert_ne!(other.key, held.key, "the signer of the deleted run may still hold its key");
    world.ledger.ledger.release_holders(&world.stored("two").await?, &["signer-2/2".to_owned()]).await?;
    world.sign("two", usize::MAX).await?;
    operator.look("two").await?;
    operator.settle("two").await?;
    assert_eq!(world.phase("two"), Some(Phase::Complete));
    world.assert_audit_holds("two").await?;
    world.assert_keyring_audit_holds(RING).await
}

#[tokio::test]
async fn a_run_that_names_a_ring_that_is_not_there_continues_once_it_is() -> anyhow::Result<()> {
    let world = World::new().await?;
    let mut operator = world.operator().await;
    world.api.create("signingruns", manifest("two", taking()));
    assert_eq!(operator.settle("two").await?, LOOK_AGAIN);
    let (failed, reason, message) = world.condition("two", ConditionType::Failed);
    assert_eq!((failed, reason.as_str(), world.phase("two")), (true, "KeyringUnknown", Some(Phase::Failed)));
    assert!(message.starts_with("there is no keyring default/shared"), "{message}");
    assert_eq!(world.events(), ["KeyringUnknown"], "reported once");
    assert!(world.stored_runs().await?.is_empty());

    world.api.create("signingruns", manifest("one", making()));
    operator.settle("one").await?;
    operator.settle("two").await?;
    assert_eq!(world.phase("two"), Some(Phase::Signing));
    assert!(world.events().contains(&"Recovered".to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_run_that_asks_for_another_ring_than_is_there_fails_by_name_and_can_be_deleted()
-> anyhow::Result<()> {
    let (world, mut operator) = two().await?;
    let mut other = making();
    other["keyCount"] = json!(3);
    world.api.create("signingruns", manifest("three", other));
    assert_eq!(operator.settle("three").await?, LOOK_AGAIN);
    let (failed, reason, message) = world.condition("three", ConditionType::Failed);
    assert_eq!((failed, reason.as_str()), (true, "KeyringDiffers"), "{message}");
    assert!(message.contains("keyCount 2"), "{message}");
    assert_eq!(world.stored_runs().await?, ["one", "two"]);

    world.api.delete("signingruns", "three");
    operator.settle("three").await?;
    assert!(world.api.get("signingruns", "three").is_none());
    assert_eq!(world.stored_runs().await?, ["one", "two"]);
    Ok(())
}

#[tokio::test]
async fn a_filling_that_was_interrupted_is_continued_by_any_run_of_the_ring() -> anyhow::Result<()> {
    let world = World::new().await?;
    world
        .ledger
        .execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN IF NEW.number > 1 THEN RAISE 'no more keys today'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON chancery.keys FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await?;
    let mut operator = world.operator().await;
    world.api.create("signingruns", manifest("one", making()));
    operator.settle("one").await?;
    assert!(!world.condition("one", ConditionType::KeyringReady).0);
    assert_eq!(world.run("one")["status"]["keys"], json!({"total": 2, "made": 1, "leased": 0}));
    assert_eq!(world.phase("one"), Some(Phase::Signing), "with the key that is there");
    world.api.edit("signingruns", "one", json!({"spec": {"suspend": true}}));
    operator.settle("one").await?;

    world.ledger.execute("DROP TRIGGER refuse ON chancery.keys").await?;
    world.api.create("signingruns", manifest("two", taking()));
    operator.settle("two").await?;
    assert_eq!(world.phase("two"), Some(Phase::Signing));
    operator.look("one").await?;
    operator.settle("one").await?;
    assert_eq!(world.phase("one"), Some(Phase::Suspended));
    assert!(world.condition("one", ConditionType::KeyringReady).0);
    Ok(())
}
