//! Stands in for the kubelet and the scheduler: runs the pods of the namespace.

use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Shared;
use super::pod_run;

/// What a pod's task is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The pod was deleted: its process is to end, within so many seconds.
    pub(crate) deleted: Option<i64>,
    /// The object is gone: nobody is to be told of anything any more.
    pub(crate) gone: bool,
}

/// Runs every pod that appears, each in a task of its own.
pub(crate) async fn run(shared: Arc<Shared>) {
    let pods: Api<Pod> = shared.api();
    let mut known: HashMap<String, watch::Sender<Wanted>> = HashMap::new();
    let mut tasks = JoinSet::new();
    let mut events = watcher(pods, watcher::Config::default()).default_backoff().boxed();
    // Its own retries apart, a watch never ends.
    while let Ok(Some(event)) = events.try_next().await.or_else(|_| anyhow::Ok(Some(watcher::Event::Init))) {
        match event {
            watcher::Event::Apply(pod) | watcher::Event::InitApply(pod) => {
                let uid = pod.uid().unwrap_or_default();
                let deleted = deletion_seconds(&pod);
                if let Some(orders) = known.get(&uid) {
                    orders.send_if_modified(|wanted| {
                        std::mem::replace(&mut wanted.deleted, deleted) != deleted
                    });
                } else if !has_ended(&pod) {
                    let (orders, told) = watch::channel(Wanted { deleted, gone: false });
                    known.insert(uid, orders);
                    tasks.spawn(pod_run::run(Arc::clone(&shared), pod, told));
                }
            }
            watcher::Event::Delete(pod) => {
                if let Some(orders) = known.get(&pod.uid().unwrap_or_default()) {
                    orders.send_modify(|wanted| wanted.gone = true);
                }
            }
            watcher::Event::Init | watcher::Event::InitDone => {}
        }
    }
}

fn deletion_seconds(pod: &Pod) -> Option<i64> {
    let Pod { metadata, .. } = pod;
    metadata.deletion_timestamp.as_ref().map(|_| metadata.deletion_grace_period_seconds.unwrap_or_default())
}

/// Whether a pod has come to its end.
pub(crate) fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}
