//! A SigningRun that cannot be read as one. The schema accepts none: it was stored before the schema was, or
//! under another. It must neither hide the others nor be stuck.

use chancery_api::condition::{self, ConditionType, Finding};
use chancery_api::{Phase, Reason, SigningRunStatus, names};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::core::error_boundary::InvalidObject;
use kube::runtime::controller::Action;

use crate::run::apply::error::ApplyError;
use crate::run::apply::object::remove_finalizer;
use crate::run::build::times::whole_second;
use crate::run::context::Context;
use crate::run::error::ReconcileError;
use crate::run::update_status::{Updated, update_status};

/// Reports what is wrong with it; when it is deleted, lets it go and leaves the ledger alone.
pub(crate) async fn reconcile_unreadable(
    context: &Context,
    unreadable: &InvalidObject,
) -> Result<Action, ReconcileError> {
    let metadata = &unreadable.metadata;
    let uid = metadata.uid.clone().unwrap_or_default();
    if metadata.deletion_timestamp.is_some() {
        if metadata.finalizers.iter().flatten().any(|name| name == names::FINALIZER) {
            remove_finalizer(&context.services.client, metadata).await.map_err(ApplyError::Object)?;
        }
        context.forget(&uid);
        return Ok(Action::await_change());
    }
    let previous = context.memory.of(&uid).written.map(|(status, _)| status).unwrap_or_default();
    let now = whole_second(Timestamp::now());
    let finding = Finding {
        type_: ConditionType::Failed,
        status: Some(true),
        reason: Reason::InvalidSpec,
        message: format!("the SigningRun cannot be read: {}; correct it, or delete it", unreadable.error),
    };
    let conditions =
        condition::conditions(vec![finding], &previous.conditions, metadata.generation, &Time(now));
    let status = SigningRunStatus {
        observed_generation: metadata.generation,
        phase: Some(condition::phase(&conditions, Phase::Pending)),
        conditions,
        ..previous
    };
    context.metrics.phase(&uid, status.phase.unwrap_or_default());
    match update_status(context, metadata, None, &status).await.map_err(ReconcileError::Status)? {
        Updated::Done => Ok(Action::await_change()),
        Updated::Later(pause) => Ok(Action::requeue(pause)),
    }
}
