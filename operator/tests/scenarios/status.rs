//! When the status is written, and when it is not.

use std::time::Duration;

use chancery_api::Phase;
use chancery_api::condition::ConditionType;
use chancery_keyring::{Algorithm, Jwk};
use kube::runtime::controller::Action;
use serde_json::json;

use super::clock::pass;
use super::fake::Failure;
use super::test_operator::reference;
use super::world::{JOB, RUN, World, spec};

/// And a little more: timers have whole milliseconds.
const A_SECOND: Duration = Duration::from_millis(1_001);

const STATUS: &str = "APPLY signingruns/demo/status";

#[tokio::test]
async fn counts_alone_are_written_once_in_a_second_and_a_quarter() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.sign(RUN, 1).await?;
    operator.look(RUN).await?;
    operator.step(RUN).await?;
    assert_eq!(world.api.told(), [STATUS]);
    assert_eq!(world.run(RUN)["status"]["records"]["signed"], 5);

    world.sign(RUN, 1).await?;
    operator.look(RUN).await?;
    assert_eq!(operator.step(RUN).await?, Action::requeue(Duration::from_millis(1_250)));
    pass(Duration::from_millis(1_000)).await;
    assert_eq!(operator.step(RUN).await?, Action::requeue(Duration::from_millis(250)));
    assert!(world.api.told().is_empty());
    pass(Duration::from_millis(250)).await;
    operator.step(RUN).await?;
    assert_eq!(world.api.told(), [STATUS]);
    assert_eq!(world.run(RUN)["status"]["records"]["signed"], 10);
    assert_eq!(world.run(RUN)["status"]["progress"], "50%");
    Ok(())
}

#[tokio::test]
async fn a_ring_of_ethereum_shows_the_addresses_of_its_first_sixteen_keys() -> anyhow::Result<()> {
    let mut spec = spec();
    spec["keyCount"] = json!(18);
    spec["algorithm"] = json!("ES256K");
    spec["envelope"] = json!("EIP191");
    let (world, _operator) = World::signing(spec).await?;
    let ring = world.stored(RUN).await?.keyring;
    let keys = world.ledger.ledger.public_keys(&ring).await?;
    assert_eq!(keys.len(), 18);
    let expected: Vec<_> = keys
        .iter()
        .take(16)
        .filter_map(|key| Jwk::of(Algorithm::Es256k, &key.public_key))
        .filter_map(|jwk| jwk.address().map(str::to_owned))
        .collect();
    assert_eq!(expected.len(), 16);
    let shown = &world.run(RUN)["status"]["keyring"];
    assert_eq!((&shown["addresses"], &shown["envelope"]), (&json!(expected), &json!("EIP191")));
    Ok(())
}

#[tokio::test]
async fn a_change_of_a_condition_is_written_at_once() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.sign(RUN, 1).await?;
    operator.look(RUN).await?;
    operator.step(RUN).await?;
    world.api.told();

    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": true}}));
    operator.step(RUN).await?;
    assert!(world.api.told().contains(&STATUS.to_owned()), "although no time has passed");
    assert_eq!(world.phase(RUN), Some(Phase::Suspended));
    Ok(())
}

#[tokio::test]
async fn a_status_that_somebody_edited_is_written_again() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    pass(Duration::from_secs(10)).await;
    world.api.edit("signingruns", RUN, json!({"status": {"phase": "Complete", "progress": "100%"}}));
    operator.settle(RUN).await?;
    assert_eq!(world.api.told(), [STATUS]);
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert_eq!(world.run(RUN)["status"]["progress"], "0%");
    Ok(())
}

#[tokio::test]
async fn a_status_is_a_few_kilobytes_at_the_most() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let long = "x".repeat(40_000).leak();
    world.api.fail(1, "APPLY jobs", Failure::Refused(500, long));
    world.api.edit("signingruns", RUN, json!({"spec": {"parallelism": 1}}));
    operator.step(RUN).await.expect_err("the Job is refused");
    let status = serde_json::to_vec(&world.run(RUN)["status"])?;
    assert!((1_000..4_096).contains(&status.len()), "{} bytes", status.len());
    Ok(())
}

#[tokio::test]
async fn a_run_that_gets_on_is_woken_within_a_second_and_one_that_does_not_is_left_alone()
-> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    operator.keep_progress();
    tokio::task::yield_now().await;
    world.sign(RUN, 2).await?;
    while operator.woken.try_recv().is_ok() {}
    pass(A_SECOND).await;
    assert_eq!(operator.woken.recv().await, Some(reference(RUN)));
    operator.step(RUN).await?;
    assert_eq!(world.run(RUN)["status"]["records"]["signed"], 10);
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_removed_from_the_ledger_is_noticed_within_a_second() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    operator.keep_progress();
    tokio::task::yield_now().await;
    let run = world.stored(RUN).await?;
    world.ledger.ledger.delete_run(&run).await?;
    while operator.woken.try_recv().is_ok() {}
    pass(A_SECOND).await;
    assert_eq!(operator.woken.recv().await, Some(reference(RUN)));
    operator.settle(RUN).await?;
    let (failed, reason, message) = world.condition(RUN, ConditionType::Failed);
    assert!(failed, "{message}");
    assert_eq!(reason, "LedgerLost");
    assert_eq!(world.api.get("jobs", JOB).expect("the Job")["spec"]["suspend"], true);
    assert!(world.stored_runs().await?.is_empty(), "nothing is signed a second time");
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    assert!(world.api.get("signingruns", RUN).is_none());
    Ok(())
}
