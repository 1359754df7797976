//! A run that signers should sign and that does not get on says why, and says so no longer than it is so.

use std::time::Duration;

use chancery_api::condition::ConditionType::Progressing;
use serde_json::json;

use super::clock::pass;
use super::cluster::pod_status;
use super::test_operator::{TestOperator, reference};
use super::world::{RUN, World, manifest, spec};

/// More than nothing may be signed before somebody looks why.
const LONG: Duration = Duration::from_secs(4);

/// Half of each lease's time and more is over.
const NOT_RENEWED: &str =
    "UPDATE chancery.leases SET expires_at = clock_timestamp() + duration / 3 WHERE outcome IS NULL";

const RENEWED: &str =
    "UPDATE chancery.leases SET expires_at = clock_timestamp() + duration WHERE outcome IS NULL";

/// Time passes, the operator looks at the progress, and reconciles.
async fn look_later(operator: &mut TestOperator, name: &str) -> anyhow::Result<()> {
    pass(LONG).await;
    operator.look(name).await?;
    operator.settle(name).await?;
    Ok(())
}

/// How often an Event was told.
fn told(world: &World, reason: &str) -> usize {
    world.events().iter().filter(|told| *told == reason).count()
}

#[tokio::test]
async fn a_run_whose_keys_the_dead_hold_names_them_until_it_goes_on() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    operator.look(RUN).await?;
    for holder in ["demo-signer-lost/1", "demo-signer-gone/2"] {
        world.lease(RUN, holder).await?;
    }
    world.ledger.execute(NOT_RENEWED).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, Progressing).1, "Signing", "too early to tell");

    look_later(&mut operator, RUN).await?;
    let (progressing, reason, message) = world.condition(RUN, Progressing);
    assert_eq!((progressing, reason.as_str()), (false, "KeysHeld"), "{message}");
    for words in [
        "2 of the ring's keys are leased to signers that do not renew their leases",
        "(demo-signer-gone/2, demo-signer-lost/1)",
        "`chancery lease release default/demo HOLDER`",
    ] {
        assert!(message.contains(words), "{words:?} is not in: {message}");
    }
    let version = world.api.version();
    look_later(&mut operator, RUN).await?;
    assert_eq!(world.api.version(), version, "it is no news that it is still so");
    assert_eq!(told(&world, "KeysHeld"), 1);

    let run = world.stored(RUN).await?;
    world.ledger.ledger.release_holders(&run, &["demo-signer-lost/1".to_owned()]).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    let (progressing, reason, message) = world.condition(RUN, Progressing);
    assert_eq!((progressing, reason.as_str()), (true, "Signing"), "a key is free: {message}");
    assert_eq!(told(&world, "SigningContinues"), 1);
    world.ledger.ledger.release_holders(&run, &["demo-signer-gone/2".to_owned()]).await?;
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!((told(&world, "KeysHeld"), told(&world, "SigningContinues")), (1, 1));
    world.assert_audit_holds(RUN).await
}

#[tokio::test]
async fn a_signer_that_renews_again_holds_nothing_up_any_more() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let holder = world.api.pod(RUN, "demo-signer-frozen", pod_status::running());
    for _ in 0..2 {
        world.lease(RUN, &holder).await?;
    }
    world.ledger.execute(NOT_RENEWED).await?;
    operator.look(RUN).await?;
    look_later(&mut operator, RUN).await?;
    let (_, reason, message) = world.condition(RUN, Progressing);
    assert_eq!(reason, "KeysHeld", "{message}");
    assert!(message.contains("still run") && message.ends_with(": demo-signer-frozen"), "{message}");

    world.ledger.execute(RENEWED).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, Progressing).1, "Signing", "it is at work on its batches");
    Ok(())
}

#[tokio::test]
async fn whoever_renews_leases_and_signs_nothing_is_named_until_that_ends() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    for _ in 0..2 {
        world.lease(RUN, "somebody/1").await?;
    }
    operator.look(RUN).await?;
    world.ledger.execute(RENEWED).await?;
    look_later(&mut operator, RUN).await?;
    assert_eq!(world.condition(RUN, Progressing).1, "Signing", "as long as a batch may take");

    let held = "UPDATE chancery.leases SET acquired_at = acquired_at - interval '100 s',
                       expires_at = clock_timestamp() + duration WHERE outcome IS NULL";
    world.ledger.execute(held).await?;
    look_later(&mut operator, RUN).await?;
    let (progressing, reason, message) = world.condition(RUN, Progressing);
    assert_eq!((progressing, reason.as_str()), (false, "KeysHeld"), "{message}");
    for words in ["leases are held and renewed since ", "(somebody/1)"] {
        assert!(message.contains(words), "{words:?} is not in: {message}");
    }
    let version = world.api.version();
    world.ledger.execute(RENEWED).await?;
    look_later(&mut operator, RUN).await?;
    assert_eq!(world.api.version(), version, "it is no news that it is still so");
    assert_eq!(told(&world, "KeysHeld"), 1);

    let run = world.stored(RUN).await?;
    world.ledger.ledger.release_holders(&run, &["somebody/1".to_owned()]).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, Progressing).1, "Signing");
    assert_eq!(told(&world, "SigningContinues"), 1);
    Ok(())
}

#[tokio::test]
async fn a_clock_of_the_server_that_was_set_back_holds_a_run_up_until_a_turn_notices() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    for holder in ["demo-signer-lost/1", "demo-signer-gone/2"] {
        world.lease(RUN, holder).await?;
    }
    // To a ledger that is as if all its instants were later.
    world.ledger.execute("UPDATE chancery.leases SET expires_at = expires_at + interval '1 hour'").await?;
    operator.look(RUN).await?;
    look_later(&mut operator, RUN).await?;
    let (_, reason, message) = world.condition(RUN, Progressing);
    assert_eq!(reason, "KeysHeld", "{message}");
    let until = message.split("taken back by ").nth(1).and_then(|rest| rest.split(';').next());
    let until: k8s_openapi::jiff::Timestamp = until.expect("a time").parse()?;
    let left = until.duration_since(k8s_openapi::jiff::Timestamp::now());
    assert!(left < k8s_openapi::jiff::SignedDuration::from_mins(2), "a lease lasts 30 s: {message}");
    Ok(())
}

#[tokio::test]
async fn a_run_waits_for_the_keys_that_other_runs_are_at_work_with() -> anyhow::Result<()> {
    let world = World::new().await?;
    let mut operator = world.operator().await;
    for name in ["one", "two"] {
        let mut shared = spec();
        shared["keyringRef"] = json!({"name": "shared"});
        world.api.create("signingruns", manifest(name, shared));
        operator.settle(name).await?;
    }
    for _ in 0..2 {
        world.lease("one", "one-signer-a/1").await?;
    }
    for name in ["one", "two"] {
        operator.look(name).await?;
    }
    pass(LONG).await;
    // The leases are as if they had just been renewed.
    world.ledger.execute(RENEWED).await?;
    for name in ["one", "two"] {
        operator.look(name).await?;
        operator.settle(name).await?;
    }
    assert_eq!(world.condition("one", Progressing).1, "Signing", "its signer is at work");
    let (progressing, reason, message) = world.condition("two", Progressing);
    assert_eq!((progressing, reason.as_str()), (false, "WaitingForKeys"), "{message}");
    assert_eq!(told(&world, "WaitingForKeys"), 0, "waiting for a turn is no news");

    let run = world.stored("one").await?;
    world.ledger.ledger.release_holders(&run, &["one-signer-a/1".to_owned()]).await?;
    operator.look("two").await?;
    operator.settle("two").await?;
    assert_eq!(world.condition("two", Progressing).1, "Signing");
    Ok(())
}

#[tokio::test]
async fn signers_that_run_and_lease_nothing_are_told_of_until_one_does() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.api.pod(RUN, "demo-signer-abcde", pod_status::running_for(60));
    operator.look(RUN).await?;
    look_later(&mut operator, RUN).await?;
    assert_eq!(world.condition(RUN, Progressing).1, "Signing", "not yet");
    for _ in 0..4 {
        look_later(&mut operator, RUN).await?;
    }
    let (progressing, reason, message) = world.condition(RUN, Progressing);
    assert_eq!((progressing, reason.as_str()), (false, "SignersIdle"), "{message}");
    assert!(message.contains("kubectl logs --namespace default"), "{message}");
    assert_eq!(told(&world, "SignersIdle"), 1);

    world.sign(RUN, 1).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, Progressing).1, "Signing");
    assert_eq!(told(&world, "SigningContinues"), 1);
    Ok(())
}

#[tokio::test]
async fn an_operator_that_takes_over_a_run_that_stands_still_tells_it_once() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    for holder in ["demo-signer-lost/1", "demo-signer-gone/2"] {
        world.lease(RUN, holder).await?;
    }
    world.ledger.execute(NOT_RENEWED).await?;
    operator.look(RUN).await?;
    look_later(&mut operator, RUN).await?;
    assert_eq!(world.condition(RUN, Progressing).1, "KeysHeld");
    drop(operator);

    let mut operator = world.operator().await;
    operator.step(RUN).await?;
    assert_eq!(world.condition(RUN, Progressing).1, "KeysHeld", "it has not looked for long enough to tell");
    look_later(&mut operator, RUN).await?;
    assert_eq!(world.condition(RUN, Progressing).1, "KeysHeld");
    assert_eq!((told(&world, "KeysHeld"), told(&world, "SigningContinues")), (1, 0));
    Ok(())
}

#[tokio::test]
async fn the_watch_of_the_progress_wakes_a_run_that_stands_still() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    for holder in ["demo-signer-lost/1", "demo-signer-gone/2"] {
        world.lease(RUN, holder).await?;
    }
    world.ledger.execute(NOT_RENEWED).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    while operator.woken.try_recv().is_ok() {}
    operator.keep_progress();
    assert_eq!(operator.is_woken().await, reference(RUN));
    operator.step(RUN).await?;
    assert_eq!(world.condition(RUN, Progressing).1, "KeysHeld");

    world.ledger.execute(RENEWED).await?;
    assert_eq!(operator.is_woken().await, reference(RUN));
    operator.step(RUN).await?;
    assert_eq!(world.condition(RUN, Progressing).1, "Signing");
    Ok(())
}
