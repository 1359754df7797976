//! Stands in for the garbage collector: removes Jobs, pods and Secrets whose owner is gone.
//!
//! <https://kubernetes.io/docs/concepts/architecture/garbage-collection/#cascading-deletion>

use std::collections::BTreeMap;
use std::sync::Arc;

use chancery_api::SigningRun;
use futures::StreamExt;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::api::{ListParams, Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::json;

use super::Shared;
use super::job_controller::{exactly, unless_gone};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// Sweeps whenever an object that may own others is being deleted or gone.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut jobs = deletions::<Job>(&shared).boxed();
    let mut pods = deletions::<Pod>(&shared).boxed();
    let mut runs = deletions::<SigningRun>(&shared).boxed();
    loop {
        tokio::select! {
            Some(()) = jobs.next() => {}
            Some(()) = pods.next() => {}
            Some(()) = runs.next() => {}
            else => return,
        }
        shared.thawed().await;
        while sweep(&shared).await.is_err() {
            shared.pause().await;
        }
    }
}

fn deletions<K>(shared: &Shared) -> impl futures::Stream<Item = ()> + Send + 'static
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + Send
        + 'static,
{
    let events = watcher(shared.api::<K>(), watcher::Config::default()).default_backoff();
    events.filter_map(async |event| match event {
        Ok(watcher::Event::Delete(_) | watcher::Event::InitDone) => Some(()),
        Ok(watcher::Event::Apply(object)) => object.meta().deletion_timestamp.as_ref().map(|_| ()),
        _ => None,
    })
}

/// An object of the namespace, and how its kind is reached.
struct Found {
    kind: Kind,
    metadata: ObjectMeta,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Run,
    Job,
    Pod,
    Secret,
}

impl Found {
    fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    fn waits_for(&self, finalizer: &str) -> bool {
        self.metadata.deletion_timestamp.is_some()
            && self.metadata.finalizers.iter().flatten().any(|found| found == finalizer)
    }
}

async fn sweep(shared: &Shared) -> kube::Result<()> {
    // Owners after what they own: an owner that is made meanwhile must not look as if it were gone.
    let mut all = list::<Pod>(shared, Kind::Pod).await?;
    all.extend(list::<Secret>(shared, Kind::Secret).await?);
    all.extend(list::<Job>(shared, Kind::Job).await?);
    all.extend(list::<SigningRun>(shared, Kind::Run).await?);
    let by_uid: BTreeMap<&str, &Found> = all.iter().map(|found| (found.uid(), found)).collect();
    for found in &all {
        let owners = found.metadata.owner_references.as_deref().unwrap_or_default();
        let dead = |uid: &str| by_uid.get(uid).is_none_or(|owner| owner.waits_for(FOREGROUND));
        let has_no_owner_left = !owners.is_empty() && owners.iter().all(|owner| dead(&owner.uid));
        if has_no_owner_left && found.metadata.deletion_timestamp.is_none() {
            delete(shared, found).await.or_else(unless_gone)?;
        }
        let mut dependents = all.iter().filter(|other| {
            other.metadata.owner_references.iter().flatten().any(|owner| owner.uid == found.uid())
        });
        if found.waits_for(ORPHAN) {
            for dependent in dependents {
                let without =
                    json!({"metadata": {"ownerReferences": [{"$patch": "delete", "uid": found.uid()}]}});
                patch(shared, dependent, &without).await.or_else(unless_gone)?;
            }
            take_off(shared, found, ORPHAN).await?;
        } else if found.waits_for(FOREGROUND) && dependents.next().is_none() {
            take_off(shared, found, FOREGROUND).await?;
        }
    }
    Ok(())
}

async fn list<K>(shared: &Shared, kind: Kind) -> kube::Result<Vec<Found>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + serde::de::DeserializeOwned
        + std::fmt::Debug,
{
    let objects = shared.api::<K>().list_metadata(&ListParams::default()).await?;
    Ok(objects.items.into_iter().map(|object| Found { kind, metadata: object.metadata }).collect())
}

async fn delete(shared: &Shared, found: &Found) -> kube::Result<()> {
    let (name, exactly) = (found.name(), exactly(found.uid()));
    match found.kind {
        Kind::Run => shared.api::<SigningRun>().delete(name, &exactly).await.map(drop),
        Kind::Job => shared.api::<Job>().delete(name, &exactly).await.map(drop),
        Kind::Pod => shared.api::<Pod>().delete(name, &exactly).await.map(drop),
        Kind::Secret => shared.api::<Secret>().delete(name, &exactly).await.map(drop),
    }
}

async fn patch(shared: &Shared, found: &Found, patch: &serde_json::Value) -> kube::Result<()> {
    let (name, parameters) = (found.name(), PatchParams::default());
    match found.kind {
        // Custom resources know no strategic merge, and nothing here owns a run.
        Kind::Run => Ok(()),
        Kind::Job => shared.api::<Job>().patch(name, &parameters, &Patch::Strategic(patch)).await.map(drop),
        Kind::Pod => shared.api::<Pod>().patch(name, &parameters, &Patch::Strategic(patch)).await.map(drop),
        Kind::Secret => {
            shared.api::<Secret>().patch(name, &parameters, &Patch::Strategic(patch)).await.map(drop)
        }
    }
}

/// Takes a finalizer off, unless the object has changed meanwhile: that is another event.
async fn take_off(shared: &Shared, found: &Found, finalizer: &str) -> kube::Result<()> {
    let rest: Vec<&String> =
        found.metadata.finalizers.iter().flatten().filter(|found| *found != finalizer).collect();
    let body = json!({"metadata": {"resourceVersion": found.metadata.resource_version, "finalizers": rest}});
    let (name, parameters) = (found.name(), PatchParams::default());
    let patched = match found.kind {
        Kind::Run => {
            shared.api::<SigningRun>().patch(name, &parameters, &Patch::Merge(&body)).await.map(drop)
        }
        Kind::Job => shared.api::<Job>().patch(name, &parameters, &Patch::Merge(&body)).await.map(drop),
        Kind::Pod => shared.api::<Pod>().patch(name, &parameters, &Patch::Merge(&body)).await.map(drop),
        Kind::Secret => shared.api::<Secret>().patch(name, &parameters, &Patch::Merge(&body)).await.map(drop),
    };
    patched.or_else(unless_gone)
}
