//! Holding a run, and letting it go on.

use chancery_api::Phase;
use chancery_store::lease::Acquired;
use serde_json::json;

use super::world::{JOB, RUN, World, spec};

#[tokio::test]
async fn a_suspended_run_has_neither_pods_nor_leases_and_goes_on_when_resumed() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.sign(RUN, 1).await?;
    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": true}}));
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(
        world.api.told(),
        ["APPLY jobs/demo-signer", "APPLY signingruns/demo/status", "CREATE events Suspended"]
    );
    assert_eq!(world.api.get("jobs", JOB).expect("the Job")["spec"]["suspend"], true);
    assert!(matches!(world.signer(RUN, "late").await?.0.acquire().await?.0, Acquired::Suspended));
    assert_eq!(world.phase(RUN), Some(Phase::Suspended));

    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": false}}));
    operator.step(RUN).await?;
    assert_eq!(
        world.api.told(),
        ["APPLY jobs/demo-signer", "APPLY signingruns/demo/status", "CREATE events Resumed"]
    );
    operator.settle(RUN).await?;
    assert_eq!(world.api.get("jobs", JOB).expect("the Job")["spec"]["suspend"], false);
    assert_eq!(world.run(RUN)["status"]["records"]["signed"], 5, "what was signed stays");
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    world.assert_audit_holds(RUN).await
}

#[tokio::test]
async fn a_run_that_is_suspended_while_its_keys_are_made_stops_and_continues_where_it_was()
-> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let mut operator = world.operator().await;
    for _ in 0..3 {
        operator.step(RUN).await?;
    }
    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": true}}));
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Suspended));
    assert!(world.api.all("jobs").is_empty());

    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": false}}));
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert!(world.stored(RUN).await?.is_stocked());
    Ok(())
}

#[tokio::test]
async fn a_lease_duration_that_changes_is_told_to_the_ledger() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.api.edit("signingruns", RUN, json!({"spec": {"leaseDuration": "7s"}}));
    operator.settle(RUN).await?;
    let lease = world.lease(RUN, "signer-1/1").await?;
    assert_eq!(lease.duration.as_secs(), 7);
    Ok(())
}
