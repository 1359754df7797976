//! What starts a reconcile of a policy: its own changes.

use std::sync::Arc;

use chancery_process::Stop;
use kube::runtime::controller::Controller;
use kube::{Resource, ResourceExt};

use crate::host::controller::drive_alone;
use crate::host::services::Services;
use crate::host::watch::{listing, watched};
use crate::policy::reconcile::{PolicyContext, WatchedPolicy, on_error, reconcile};
use crate::run::SourcesAllowed;

/// Keeps the status of the policies of a namespace, or of all of them, until asked to stop.
pub(crate) async fn control(
    services: Services,
    allowed: SourcesAllowed,
    namespace: Option<String>,
    stop: Stop,
) {
    let context = Arc::new(PolicyContext::new(&services, allowed));
    let forgetting = Arc::clone(&context);
    let (policies, changes) = watched::<WatchedPolicy>(
        &(services.client.clone(), namespace),
        listing(),
        |policy| policy.managed_fields_mut().clear(),
        move |gone| forgetting.forget(gone.meta().uid.as_deref().unwrap_or_default()),
    );
    let controller = Controller::for_stream(changes, policies);
    drive_alone(controller, &services.complaints, stop, (reconcile, on_error, context)).await;
}
