//! Signers that end with a key in hand.

use serde_json::json;

use super::cluster::pod_status;
use super::world::{RUN, World, spec};

const POD: &str = "demo-signer-abcde";

#[tokio::test]
async fn what_a_signer_held_is_given_back_when_its_kubelet_saw_it_end() -> anyhow::Result<()> {
    for status in [
        pod_status::ended(137, "OOMKilled", ""),
        pod_status::ended(1, "Error", "a defect"),
        pod_status::ended(0, "Completed", ""),
    ] {
        let (world, mut operator) = World::signing(spec()).await?;
        let holder = world.api.pod(RUN, POD, pod_status::running());
        world.lease(RUN, &holder).await?;
        operator.look(RUN).await?;
        operator.settle(RUN).await?;
        assert_eq!(world.holders(RUN).await?, [holder], "it is at work");

        world.api.pod_becomes(POD, status);
        operator.step(RUN).await?;
        assert!(world.holders(RUN).await?.is_empty(), "without waiting for the lease to run out");
        assert!(world.events().contains(&"LeasesReleased".to_owned()));
        operator.look(RUN).await?;
        operator.settle(RUN).await?;
        assert_eq!(world.events().iter().filter(|reason| *reason == "LeasesReleased").count(), 1);
        world.sign(RUN, usize::MAX).await?;
        operator.look(RUN).await?;
        operator.settle(RUN).await?;
        world.assert_audit_holds(RUN).await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_a_signer_holds_that_nobody_saw_end_is_left_to_run_out() -> anyhow::Result<()> {
    for status in [
        pod_status::given_up(),
        pod_status::unknown(),
        pod_status::waiting("CrashLoopBackOff", "back-off"),
        json!({"phase": "Unknown"}),
    ] {
        let (world, mut operator) = World::signing(spec()).await?;
        let holder = world.api.pod(RUN, POD, pod_status::running());
        world.lease(RUN, &holder).await?;
        world.api.pod_becomes(POD, status.clone());
        operator.look(RUN).await?;
        operator.settle(RUN).await?;
        assert_eq!(world.holders(RUN).await?, [holder], "{status}");
    }
    Ok(())
}

#[tokio::test]
async fn only_what_the_dead_signer_held_is_given_back() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let alive = world.api.pod(RUN, "demo-signer-alive", pod_status::running());
    let dead = world.api.pod(RUN, POD, pod_status::running());
    world.lease(RUN, &alive).await?;
    world.lease(RUN, &dead).await?;
    world.api.pod_becomes(POD, pod_status::ended(137, "Error", ""));
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.holders(RUN).await?, [alive]);
    Ok(())
}

#[tokio::test]
async fn a_pod_that_only_looks_like_a_signer_of_the_run_frees_nothing() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let holder = world.api.pod(RUN, POD, pod_status::running());
    world.lease(RUN, &holder).await?;
    // Of the same name, later: its uid is another.
    world.api.remove("pods", POD);
    world.api.pod(RUN, POD, pod_status::ended(1, "Error", ""));
    world.api.pod("other", "other-signer-abcde", pod_status::ended(1, "Error", ""));
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.holders(RUN).await?, [holder]);
    Ok(())
}
