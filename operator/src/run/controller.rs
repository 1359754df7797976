//! What starts a reconcile: changes of runs, of their Jobs and pods, progress in the ledger, and a database
//! that goes down or comes back.

use std::sync::Arc;

use chancery_api::names;
use chancery_process::Stop;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::controller::Controller;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};
use tokio::sync::mpsc;

use crate::host::controller::drive;
use crate::host::watch::{listing, watched};
use crate::run::context::{Context, Shared};
use crate::run::reconcile::{on_error, reconcile};
use crate::run::slim::{slim_job, slim_pod};
use crate::run::watched::{RunRef, Watched};

/// Reconciles the runs of a namespace, or of all of them, until asked to stop.
pub(crate) async fn control(
    shared: Arc<Shared>,
    namespace: Option<String>,
    woken: mpsc::UnboundedReceiver<RunRef>,
    stop: Stop,
) {
    let scope = (shared.services.client.clone(), namespace);
    let (database, complaints) =
        (Arc::clone(&shared.services.database), Arc::clone(&shared.services.complaints));
    let ours = listing().labels(&format!("{}={}", names::LABEL_MANAGED_BY, names::FIELD_MANAGER));
    let forgetting = Arc::clone(&shared);
    let (runs, run_changes) = watched::<Watched>(
        &scope,
        listing(),
        |run| run.managed_fields_mut().clear(),
        move |gone| forgetting.forget(gone.meta().uid.as_deref().unwrap_or_default()),
    );
    let (jobs, job_changes) = watched::<Job>(&scope, ours.clone(), slim_job, |_| {});
    let (pods, pod_changes) = watched::<Pod>(&scope, ours, slim_pod, |_| {});
    let context = Arc::new(Context::new(shared, jobs, pods));
    let controller = Controller::for_stream(run_changes, runs)
        .owns_stream(job_changes)
        .watches_stream(pod_changes, |pod| run_of(&pod));
    drive(controller, woken, (&database, &complaints), stop, (reconcile, on_error, context)).await;
}

fn run_of(pod: &Pod) -> Option<RunRef> {
    let run = pod.labels().get(names::LABEL_RUN)?;
    Some(ObjectRef::new(run).within(&pod.namespace()?))
}
