//! What wakes reconciles: the runs, their Jobs and pods, progress in the ledger, and a database that
//! comes or goes.

use std::sync::Arc;

use chancery_api::names;
use chancery_process::Stop;
use futures::stream::{BoxStream, unfold};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, PodStatus, PodTemplateSpec};
use kube::runtime::WatchStreamExt;
use kube::runtime::controller::{Config, Controller};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};

use crate::context::{Context, RunRef, Shared, Watched};
use crate::reconcile::{on_error, reconcile};

/// How many runs are reconciled at the same time. A reconcile waits for others most of its time.
const AT_ONCE: u16 = 32;

type Changes<K> = BoxStream<'static, Result<K, watcher::Error>>;

/// Reconciles the runs of a namespace, or of all of them, until asked to stop.
pub(crate) async fn control(
    shared: Arc<Shared>,
    namespace: Option<String>,
    woken: mpsc::UnboundedReceiver<RunRef>,
    stop: Stop,
) {
    let scope = (shared.client.clone(), namespace);
    let ours = listing().labels(&format!("{}={}", names::LABEL_MANAGED_BY, names::FIELD_MANAGER));
    let forgetful = Arc::clone(&shared);
    let (runs, run_changes) = reflected::<Watched>(
        &scope,
        listing(),
        |run| run.managed_fields_mut().clear(),
        move |gone| forgetful.forget(gone.meta().uid.as_deref().unwrap_or_default()),
    );
    let (jobs, job_changes) = reflected::<Job>(&scope, ours.clone(), slim_job, |_| {});
    let (pods, pod_changes) = reflected::<Pod>(&scope, ours, slim_pod, |_| {});
    let database = changes_of(shared.database.subscribe());
    let context = Arc::new(Context::new(shared, jobs, pods));
    Controller::for_stream(run_changes, runs)
        .with_config(Config::default().concurrency(AT_ONCE))
        .owns_stream(job_changes)
        .watches_stream(pod_changes, |pod| run_of(&pod))
        .reconcile_on(unfold(woken, |mut woken| async { woken.recv().await.map(|run| (run, woken)) }))
        .reconcile_all_on(database)
        .graceful_shutdown_on(async move { stop.asked().await })
        .run(reconcile, on_error, context)
        .for_each(|outcome| async {
            match outcome {
                // Told by `on_error`; and a run that is gone needs nothing.
                Ok(_)
                | Err(
                    kube::runtime::controller::Error::ReconcilerFailed(..)
                    | kube::runtime::controller::Error::ObjectNotFound(_),
                ) => {}
                Err(error) => tracing::warn!(%error, "the API server can not be watched; it is tried again"),
            }
        })
        .await;
}

/// Objects come in small pages: what is held of a page until it is slimmed is most of what an operator
/// needs at its start.
fn listing() -> watcher::Config {
    watcher::Config::default().page_size(50)
}

/// Keeps what is watched at hand, without what nobody looks at, and tells of what is gone.
fn reflected<K>(
    (client, namespace): &(Client, Option<String>),
    config: watcher::Config,
    slim: impl Fn(&mut K) + Send + 'static,
    gone: impl Fn(&K) + Send + 'static,
) -> (Store<K>, Changes<K>)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let api = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let (store, writer) = reflector::store();
    let changes = watcher(api, config)
        .default_backoff()
        .inspect_ok(move |event| {
            if let Event::Delete(object) = event {
                gone(object);
            }
        })
        .modify(slim)
        .reflect(writer)
        .touched_objects()
        .boxed();
    (store, changes)
}

/// The template is told apart by an annotation.
pub(crate) fn slim_job(job: &mut Job) {
    job.managed_fields_mut().clear();
    if let Some(spec) = &mut job.spec {
        spec.template = PodTemplateSpec::default();
    }
}

pub(crate) fn slim_pod(pod: &mut Pod) {
    pod.managed_fields_mut().clear();
    pod.annotations_mut().clear();
    pod.spec = None;
    if let Some(status) = pod.status.take() {
        pod.status = Some(PodStatus {
            phase: status.phase,
            conditions: status.conditions,
            container_statuses: status.container_statuses,
            ..PodStatus::default()
        });
    }
}

fn run_of(pod: &Pod) -> Option<RunRef> {
    let run = pod.labels().get(names::LABEL_RUN)?;
    Some(ObjectRef::new(run).within(&pod.namespace()?))
}

/// Each time that the database comes or goes.
fn changes_of<T: Clone + Send + Sync + 'static>(
    receiver: watch::Receiver<T>,
) -> impl futures::Stream<Item = ()> + Send + 'static {
    unfold(receiver, |mut receiver| async { receiver.changed().await.ok().map(|()| ((), receiver)) })
}
