//! A SigningRun that can not be read as one. The schema lets none through: it was stored before the
//! schema was, or under another. It must neither hide the others nor be stuck.

use chancery_api::condition::{self, ConditionType, Finding};
use chancery_api::{SigningRunStatus, names};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::core::error_boundary::InvalidObject;
use kube::runtime::controller::Action;

use crate::apply::set_finalizer;
use crate::build::whole_second;
use crate::context::Context;
use crate::reconcile::ReconcileError;
use crate::update_status::{Updated, update_status};

/// Says what is wrong with it; lets it go, with the ledger untouched, when it is deleted.
pub(crate) async fn reconcile_unreadable(
    context: &Context,
    unreadable: &InvalidObject,
) -> Result<Action, ReconcileError> {
    let metadata = &unreadable.metadata;
    let uid = metadata.uid.clone().unwrap_or_default();
    if metadata.deletion_timestamp.is_some() {
        if metadata.finalizers.iter().flatten().any(|name| name == names::FINALIZER) {
            set_finalizer(context, metadata, false).await?;
        }
        context.forget(&uid);
        return Ok(Action::await_change());
    }
    let previous = context.memory.of(&uid).written.map(|(status, _)| status).unwrap_or_default();
    let now = whole_second(Timestamp::now());
    let finding = Finding {
        type_: ConditionType::Failed,
        status: true,
        reason: "InvalidSpec",
        message: format!("the SigningRun can not be read: {}; correct it, or delete it", unreadable.error),
    };
    let conditions =
        condition::conditions(vec![finding], &previous.conditions, metadata.generation, &Time(now));
    let status = SigningRunStatus {
        observed_generation: metadata.generation,
        phase: Some(condition::phase(&conditions, false)),
        conditions,
        ..previous
    };
    context.metrics.phase(&uid, status.phase.unwrap_or_default());
    match update_status(context, metadata, None, &status).await.map_err(ReconcileError::Status)? {
        Updated::Done => Ok(Action::await_change()),
        Updated::Later(pause) => Ok(Action::requeue(pause)),
    }
}
