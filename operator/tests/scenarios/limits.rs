//! What runs may take of what all share.

use std::time::Duration;

use chancery_api::Phase;
use chancery_api::condition::ConditionType;
use chancery_operator::run::{Bounds, Capacity, Limits};
use kube::runtime::controller::Action;
use serde_json::{Value, json};

use super::clock;
use super::world::{RUN, World, manifest, spec};

/// How soon the operator looks again.
const LOOK_AGAIN: Action = Action::requeue(Duration::from_secs(15));

/// Beyond what other tests write meanwhile.
const BALLAST: i64 = 100 << 20;

fn limited(limits: Limits) -> Bounds {
    Bounds { limits, capacity: None }
}

fn roomy(bytes: i64) -> Bounds {
    Bounds { capacity: Some(Capacity::new(bytes, Some(0))), ..Bounds::default() }
}

/// "A billion records, 10,000 keys of RSA-4096": it is refused before anything is made, and goes on once it is allowed.
#[tokio::test]
async fn a_run_beyond_what_one_may_have_is_refused_with_a_sentence_and_nothing_is_made() -> anyhow::Result<()>
{
    let mut many_keys = spec();
    (many_keys["keyCount"], many_keys["algorithm"], many_keys["keySize"]) =
        (json!(3), json!("RS256"), json!(2048));
    let small = Limits { bytes_per_run: 5_000, ..Limits::default() };
    let few = Limits { key_bits_per_run: 3 * 2048 - 1, ..Limits::default() };
    for (limits, spec, words) in [
        (small, spec(), ["the run would take", "one run may take 4.9 KiB", "limits.bytesPerRun"]),
        (
            few,
            many_keys,
            ["3 keys of 2048 bits, 6144 bits in all", "may have 6143 bits", "limits.keyBitsPerRun"],
        ),
    ] {
        let world = World::with_run(spec).await?;
        let mut operator = world.operator_within(limited(limits)).await;
        assert_eq!(operator.settle(RUN).await?, LOOK_AGAIN);
        let (failed, reason, message) = world.condition(RUN, ConditionType::Failed);
        assert_eq!((failed, reason.as_str(), world.phase(RUN)), (true, "BeyondLimits", Some(Phase::Failed)));
        for word in words {
            assert!(message.contains(word), "{word}: {message}");
        }
        assert_eq!(world.events(), ["BeyondLimits"], "reported once");
        assert!(world.stored_runs().await?.is_empty());
        drop(operator);

        let mut operator = world.operator().await;
        operator.settle(RUN).await?;
        assert_eq!(world.phase(RUN), Some(Phase::Signing), "{:?}", world.run(RUN));
        assert!(world.events().contains(&"Recovered".to_owned()));
    }
    Ok(())
}

#[tokio::test]
async fn the_runs_of_a_namespace_are_counted_with_those_that_are_kept() -> anyhow::Result<()> {
    let world = World::new().await?;
    let limits = Limits { runs_per_namespace: 2, ..Limits::default() };
    let mut operator = world.operator_within(limited(limits)).await;
    for (name, policy) in [("kept", "Retain"), ("there", "Delete"), ("third", "Delete")] {
        let mut spec = spec();
        spec["deletionPolicy"] = json!(policy);
        world.api.create("signingruns", manifest(name, spec));
        operator.settle(name).await?;
    }
    world.api.delete("signingruns", "kept");
    operator.settle("kept").await?;
    operator.settle("third").await?;
    let (_, reason, message) = world.condition("third", ConditionType::Failed);
    assert_eq!(reason, "BeyondLimits");
    assert!(
        message.contains("number 3 of the namespace") && message.contains("limits.runsPerNamespace"),
        "{message}"
    );

    world.api.delete("signingruns", "there");
    operator.settle("there").await?;
    operator.settle("third").await?;
    assert_eq!(world.phase("third"), Some(Phase::Signing), "{:?}", world.run("third"));
    Ok(())
}

#[tokio::test]
async fn below_the_floor_no_record_is_made_and_it_goes_on_by_itself_once_there_is_room() -> anyhow::Result<()>
{
    let world = World::with_run(spec()).await?;
    world
        .ledger
        .execute("CREATE UNLOGGED TABLE ballast AS SELECT repeat('x', 1000) FROM generate_series(1, 200000)")
        .await?;
    let used = world.ledger.ledger.bytes_used().await?;
    assert!(used > 2 * BALLAST);
    let mut operator = world.operator_within(roomy(used - BALLAST)).await;
    assert_eq!(operator.settle(RUN).await?, LOOK_AGAIN);
    let (progressing, reason, message) = world.condition(RUN, ConditionType::Progressing);
    assert_eq!((progressing, reason.as_str()), (false, "DatabaseNearlyFull"));
    assert!(
        message.contains("database.capacity") && message.contains("records are made once there is room"),
        "{message}"
    );
    assert!(world.events().contains(&"DatabaseNearlyFull".to_owned()), "{:?}", world.events());
    assert!(!world.condition(RUN, ConditionType::Failed).0, "it waits, and has not failed");

    world.ledger.execute("DROP TABLE ballast; CHECKPOINT").await?;
    clock::pass(Duration::from_secs(60)).await;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing), "{:?}", world.run(RUN));
    assert!(world.condition(RUN, ConditionType::Sealed).0);
    Ok(())
}

#[tokio::test]
async fn a_run_that_does_not_fit_waits_and_keeps_no_other_from_its_room() -> anyhow::Result<()> {
    let world = World::new().await?;
    let used = world.ledger.ledger.bytes_used().await?;
    let mut operator = world.operator_within(roomy(used + 5 * BALLAST)).await;
    let large: Value = json!({
        "recordCount": 1_000_000, "recordSize": 1_000, "keyCount": 1, "batchSize": 100, "algorithm": "EdDSA",
    });
    world.api.create("signingruns", manifest("large", large));
    operator.settle("large").await?;
    let (_, reason, message) = world.condition("large", ConditionType::Progressing);
    assert_eq!(reason, "DatabaseNearlyFull");
    assert!(message.starts_with("the run will take 1."), "{message}");
    assert!(world.api.get("jobs", "large-signer").is_none(), "no signer makes keys for it, and waits");
    assert_eq!(world.run("large")["status"]["records"]["seeded"], 0);

    world.api.create("signingruns", manifest(RUN, spec()));
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing), "{:?}", world.run(RUN));
    Ok(())
}
