//! The whole life of a run, from its manifest until nothing is left of it.

use anyhow::ensure;
use chancery_api::Phase;
use serde_json::{Value, json};

use super::key_makers::make_keys;
use super::world::{JOB, RUN, World, spec};

/// A run that is removed from the ledger when it is deleted.
pub(crate) fn passing() -> Value {
    let mut spec = spec();
    spec["deletionPolicy"] = json!("Delete");
    spec
}

/// What people and the rest of the cluster do next: signers make keys and sign, and what is complete is audited and
/// then deleted. False once the run is gone.
pub(crate) async fn go_on(world: &World) -> anyhow::Result<bool> {
    world.api.collect_garbage();
    let Some(run) = world.api.get("signingruns", RUN) else { return Ok(false) };
    if run["metadata"]["deletionTimestamp"].is_string() {
        return Ok(true);
    }
    match (world.phase(RUN), world.api.get("jobs", JOB)) {
        (Some(Phase::Complete), _) => {
            world.assert_audit_holds(RUN).await?;
            ensure!(world.stored_runs().await? == [RUN], "one run in the ledger");
            world.api.delete("signingruns", RUN);
        }
        (Some(Phase::Seeding | Phase::Signing), Some(job)) if job["status"]["conditions"].is_null() => {
            make_keys(&world.api, &world.ledger.url, RUN).await?;
            world.sign(RUN, usize::MAX).await?;
            // Signers do not end before the run is sealed.
            if world.stored(RUN).await?.complete {
                world.api.job_completes(JOB);
            }
        }
        _ => {}
    }
    Ok(true)
}

/// What holds once the run is gone, whatever happened before.
pub(crate) async fn assert_nothing_is_left(world: &World) -> anyhow::Result<()> {
    ensure!(world.stored_runs().await?.is_empty(), "the ledger is empty");
    ensure!(world.api.all("jobs").is_empty() && world.api.all("signingruns").is_empty(), "as is the cluster");
    ensure!(world.api.created("jobs") == 1, "one Job was made, not {}", world.api.created("jobs"));
    Ok(())
}
