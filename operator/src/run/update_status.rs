//! The one write of the status.

use std::time::Duration;

use chancery_api::{SigningRunStatus, names};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::time::Instant;

use crate::run::context::Context;
use crate::run::watched::Watched;

/// Shortest time between two writes in which only counts change.
const PAUSE: Duration = Duration::from_millis(1_250);

/// Time after which the watch has brought back what was written.
const WATCH_DELAY: Duration = Duration::from_secs(5);

/// What became of a status.
pub(crate) enum Updated {
    /// It was written, or is there already.
    Done,
    /// It can wait for so long.
    Later(Duration),
}

/// Writes a status if anything in it is new, and not too often. `there` is the status that the watch has
/// brought.
///
/// # Errors
///
/// The API server refuses it.
pub(crate) async fn update_status(
    context: &Context,
    metadata: &ObjectMeta,
    there: Option<&SigningRunStatus>,
    status: &SigningRunStatus,
) -> Result<Updated, kube::Error> {
    let uid = metadata.uid.clone().unwrap_or_default();
    let written = context.memory.of(&uid).written;
    if let Some((last, at)) = &written {
        if tells_the_same(last, status) {
            return match there {
                // Either the watch is behind, or something else wrote since: waiting shows which.
                Some(there) if !tells_the_same(there, last) && at.elapsed() < WATCH_DELAY => {
                    Ok(Updated::Later(WATCH_DELAY.saturating_sub(at.elapsed())))
                }
                Some(there) if !tells_the_same(there, last) => write(context, metadata, status).await,
                _ => Ok(Updated::Done),
            };
        }
        if at.elapsed() < PAUSE && last.conditions == status.conditions {
            return Ok(Updated::Later(PAUSE.saturating_sub(at.elapsed())));
        }
    } else if there.is_some_and(|there| tells_the_same(there, status)) {
        return Ok(Updated::Done);
    }
    write(context, metadata, status).await
}

async fn write(
    context: &Context,
    metadata: &ObjectMeta,
    status: &SigningRunStatus,
) -> Result<Updated, kube::Error> {
    let uid = metadata.uid.clone().unwrap_or_default();
    let name = metadata.name.clone().unwrap_or_default();
    let patch = json!({
        "apiVersion": names::API_VERSION,
        "kind": names::KIND,
        // The uid keeps it from being written to another run of this name.
        "metadata": {"name": name, "uid": uid},
        "status": status,
    });
    let api: Api<Watched> =
        Api::namespaced(context.services.client.clone(), metadata.namespace.as_deref().unwrap_or_default());
    let parameters = PatchParams::apply(names::FIELD_MANAGER).force();
    match api.patch_status(&name, &parameters, &Patch::Apply(patch)).await {
        Ok(_) => {}
        // The run is gone, or another has taken its name: no status is needed.
        Err(kube::Error::Api(refusal)) if refusal.code == 404 || refusal.code == 409 => {}
        Err(error) => return Err(error),
    }
    context.memory.change(&uid, |remembered| remembered.written = Some((status.clone(), Instant::now())));
    Ok(Updated::Done)
}

/// Whether two statuses differ only in what changes by itself with time.
fn tells_the_same(one: &SigningRunStatus, other: &SigningRunStatus) -> bool {
    let still = |status: &SigningRunStatus| SigningRunStatus {
        elapsed: None,
        estimated_completion_time: None,
        ..status.clone()
    };
    still(one) == still(other)
}
